// POSIX threads in a main module, for libraries that are loaded later.
#include "fixture.h"
#include "pthread.h"

__attribute__((import_module("wasi"), import_name("thread-spawn"))) int thread_spawn(void *start);

struct pthread {
  void *(*run)(void *);
  void *argument, *result;
  int done; // 0 until the thread has ended; who joins waits here
};

static _Thread_local pthread_t self;
static _Thread_local const void *values[PTHREAD_KEYS];
static void (*destructors[PTHREAD_KEYS])(void *);
static int keys;

static void wait_while(int *word, int value) { __builtin_wasm_memory_atomic_wait32(word, value, -1); }
static void wake(int *word, int n) { __builtin_wasm_memory_atomic_notify(word, n); }

static void run_destructors(void) {
  for (int k = 0; k < PTHREAD_KEYS; k++) {
    void *value = (void *)values[k];
    values[k] = 0;
    if (value && destructors[k]) destructors[k](value);
  }
}

void wasi_thread_start(int tid, pthread_t t) {
  (void)tid;
  self = t;
  t->result = t->run(t->argument);
  run_destructors();
  __atomic_store_n(&t->done, 1, __ATOMIC_SEQ_CST);
  wake(&t->done, -1);
}

int pthread_create(pthread_t *out, void *(*run)(void *), void *argument) {
  pthread_t t = malloc(sizeof *t);
  if (!t) return EAGAIN;
  *t = (struct pthread){run, argument, 0, 0};
  if (thread_spawn(t) < 0) {
    free(t);
    return EAGAIN;
  }
  *out = t;
  return 0;
}

int pthread_join(pthread_t t, void **result) {
  while (!__atomic_load_n(&t->done, __ATOMIC_SEQ_CST)) wait_while(&t->done, 0);
  if (result) *result = t->result;
  free(t);
  return 0;
}

pthread_t pthread_self(void) { return self; }

int pthread_mutex_trylock(pthread_mutex_t *m) {
  int seen = 0;
  return __atomic_compare_exchange_n(&m->word, &seen, 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST) ? 0 : EBUSY;
}

int pthread_mutex_lock(pthread_mutex_t *m) {
  if (!pthread_mutex_trylock(m)) return 0;
  while (__atomic_exchange_n(&m->word, 2, __ATOMIC_SEQ_CST)) wait_while(&m->word, 2);
  return 0;
}

int pthread_mutex_unlock(pthread_mutex_t *m) {
  if (__atomic_exchange_n(&m->word, 0, __ATOMIC_SEQ_CST) == 2) wake(&m->word, 1);
  return 0;
}

int pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m) {
  int turn = __atomic_load_n(&c->turn, __ATOMIC_SEQ_CST);
  pthread_mutex_unlock(m);
  wait_while(&c->turn, turn);
  return pthread_mutex_lock(m);
}

static int cond_wake(pthread_cond_t *c, int n) {
  __atomic_add_fetch(&c->turn, 1, __ATOMIC_SEQ_CST);
  wake(&c->turn, n);
  return 0;
}

int pthread_cond_signal(pthread_cond_t *c) { return cond_wake(c, 1); }
int pthread_cond_broadcast(pthread_cond_t *c) { return cond_wake(c, -1); }

int pthread_once(pthread_once_t *once, void (*run)(void)) {
  int seen = 0;
  if (__atomic_compare_exchange_n(&once->state, &seen, 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
    run();
    __atomic_store_n(&once->state, 2, __ATOMIC_SEQ_CST);
    wake(&once->state, -1);
  }
  while (__atomic_load_n(&once->state, __ATOMIC_SEQ_CST) != 2) wait_while(&once->state, 1);
  return 0;
}

int pthread_key_create(pthread_key_t *key, void (*destructor)(void *)) {
  int k = __atomic_fetch_add(&keys, 1, __ATOMIC_SEQ_CST);
  if (k >= PTHREAD_KEYS) return EAGAIN;
  destructors[*key = k] = destructor;
  return 0;
}

int pthread_setspecific(pthread_key_t key, const void *value) {
  values[key] = value;
  return 0;
}

void *pthread_getspecific(pthread_key_t key) { return (void *)values[key]; }
