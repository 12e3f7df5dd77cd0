// What main-pthread has of POSIX threads, with POSIX's meaning: on thread-spawn of wasi-threads, and on atomic wait and notify.
#ifndef FIXTURE_PTHREAD_H
#define FIXTURE_PTHREAD_H

enum { PTHREAD_KEYS = 8, EAGAIN = 6, EBUSY = 10 };

typedef struct pthread *pthread_t;
typedef struct { int word; } pthread_mutex_t; // 0 unlocked, 1 locked, 2 locked and somebody waits
typedef struct { int turn; } pthread_cond_t;
typedef struct { int state; } pthread_once_t; // 0 not yet, 1 under way, 2 done
typedef int pthread_key_t;

int pthread_create(pthread_t *t, void *(*run)(void *), void *argument);
int pthread_join(pthread_t t, void **result);
pthread_t pthread_self(void); // null in a group that Go has made

int pthread_mutex_lock(pthread_mutex_t *m);
int pthread_mutex_trylock(pthread_mutex_t *m);
int pthread_mutex_unlock(pthread_mutex_t *m);

int pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m);
int pthread_cond_signal(pthread_cond_t *c);
int pthread_cond_broadcast(pthread_cond_t *c);

int pthread_once(pthread_once_t *once, void (*run)(void));

int pthread_key_create(pthread_key_t *key, void (*destructor)(void *));
int pthread_setspecific(pthread_key_t key, const void *value);
void *pthread_getspecific(pthread_key_t key);

#endif
