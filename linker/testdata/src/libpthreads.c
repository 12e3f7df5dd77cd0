// A library that uses the POSIX threads of main-pthread.
#include "fixture.h"
#include "pthread.h"

enum { most = 32 };

static pthread_mutex_t lock;
static pthread_cond_t changed;
static pthread_once_t once;
static pthread_key_t key;
static pthread_t threads[most];
static int running, total, made, destroyed;

static void destroy(void *value) {
  free(value);
  __atomic_add_fetch(&destroyed, 1, __ATOMIC_SEQ_CST);
}

static void make_key(void) {
  made++;
  pthread_key_create(&key, destroy);
}

// Counts under the lock, once all threads are there, and by itself in storage of its own. The result is what it counted by itself.
static void *count(void *argument) {
  pthread_once(&once, make_key);
  int *own = malloc(sizeof *own);
  *own = 0;
  pthread_setspecific(key, own);
  pthread_mutex_lock(&lock);
  running--;
  pthread_cond_broadcast(&changed);
  while (running > 0) pthread_cond_wait(&changed, &lock);
  pthread_mutex_unlock(&lock);
  for (int i = 0; i < (int)argument; i++) {
    pthread_mutex_lock(&lock);
    total++;
    pthread_mutex_unlock(&lock);
    ++*(int *)pthread_getspecific(key);
  }
  return (void *)*(int *)pthread_getspecific(key);
}

// Starts n threads that count; returns how many could be started.
int count_start(int n, int times) {
  running = n;
  for (int i = 0; i < n; i++)
    if (pthread_create(&threads[i], count, (void *)times)) return i;
  return n;
}

// The sum of the threads' results.
int count_join(int n) {
  int sum = 0;
  for (int i = 0; i < n; i++) {
    void *result;
    pthread_join(threads[i], &result);
    sum += (int)result;
  }
  return sum;
}

int count_total(void) { return total; }
int keys_made(void) { return made; }
int values_destroyed(void) { return destroyed; }

// ---- Threads that call what does not exist yet when they begin ----

static pthread_mutex_t post_lock;
static pthread_cond_t posted;
static unary function;
static int waiting;

static void *call_later(void *argument) {
  pthread_mutex_lock(&post_lock);
  waiting++;
  while (!function) pthread_cond_wait(&posted, &post_lock);
  unary f = function;
  pthread_mutex_unlock(&post_lock);
  return (void *)f((int)argument);
}

int later_start(int i, int argument) { return pthread_create(&threads[i], call_later, (void *)argument); }

int later_waiting(void) {
  pthread_mutex_lock(&post_lock);
  int n = waiting;
  pthread_mutex_unlock(&post_lock);
  return n;
}

void later_post(unary f) {
  pthread_mutex_lock(&post_lock);
  function = f;
  pthread_cond_broadcast(&posted);
  pthread_mutex_unlock(&post_lock);
}

int later_join(int i) {
  void *result;
  pthread_join(threads[i], &result);
  return (int)result;
}
