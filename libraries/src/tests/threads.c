// What POSIX and C11 say of threads, as a program's output: the same here as natively (see native.sh). A library exports run.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>
#include <time.h>

#define N 6
#define TIMES 400

static void check(const char *what, long got, long want) {
  if (got == want) printf("  %s: right\n", what);
  else printf("  %s: %ld, not %ld\n", what, got, want);
}

static pthread_t start(void *(*f)(void *), intptr_t x) {
  pthread_t t;
  int r = pthread_create(&t, 0, f, (void *)x);
  if (r) printf("  pthread_create: %s\n", strerror(r)), exit(1);
  return t;
}

static intptr_t join(pthread_t t) {
  void *result = (void *)-1;
  int r = pthread_join(t, &result);
  if (r) printf("  pthread_join: %s\n", strerror(r));
  return (intptr_t)result;
}

static void all(void *(*f)(void *)) {
  pthread_t t[N];
  for (intptr_t i = 0; i < N; i++) t[i] = start(f, i);
  for (intptr_t i = 0; i < N; i++) join(t[i]);
}

// ---- Mutexes ----

static pthread_mutex_t plain = PTHREAD_MUTEX_INITIALIZER;
static long counted;

static void *count(void *x) {
  for (int i = 0; i < TIMES; i++) {
    pthread_mutex_lock(&plain);
    long seen = counted;
    if (i % 100 == 0) sched_yield();
    counted = seen + 1;
    pthread_mutex_unlock(&plain);
  }
  return x;
}

static void *from_outside(void *m) { return (void *)(intptr_t)(pthread_mutex_trylock(m) + 1000 * pthread_mutex_unlock(m)); }

static void mutexes(void) {
  all(count);
  check("counted", counted, N * TIMES);
  pthread_mutexattr_t a;
  pthread_mutex_t m;
  pthread_mutexattr_init(&a);
  pthread_mutexattr_settype(&a, PTHREAD_MUTEX_RECURSIVE);
  pthread_mutex_init(&m, &a);
  check("recursive, again", pthread_mutex_lock(&m) + pthread_mutex_lock(&m), 0);
  check("by another thread", join(start(from_outside, (intptr_t)&m)), EBUSY + 1000 * EPERM);
  check("given back", pthread_mutex_unlock(&m) + pthread_mutex_unlock(&m), 0);
  check("once too often", pthread_mutex_unlock(&m), EPERM);
  pthread_mutexattr_settype(&a, PTHREAD_MUTEX_ERRORCHECK);
  pthread_mutex_init(&m, &a);
  pthread_mutex_lock(&m);
  check("checked, again", pthread_mutex_lock(&m), EDEADLK);
  struct timespec past = {1, 0};
  check("plain, held, until the past", (pthread_mutex_lock(&plain), pthread_mutex_timedlock(&plain, &past)), ETIMEDOUT);
  pthread_mutex_unlock(&plain);
  pthread_mutex_unlock(&m);
}

// ---- Conditions, barriers, semaphores, locks for readers ----

static pthread_cond_t full = PTHREAD_COND_INITIALIZER, empty = PTHREAD_COND_INITIALIZER;
static int box, filled;

static void *consume(void *x) {
  intptr_t sum = 0;
  for (int i = 0; i < TIMES; i++) {
    pthread_mutex_lock(&plain);
    while (!filled) pthread_cond_wait(&full, &plain);
    sum += box, filled = 0;
    pthread_cond_signal(&empty);
    pthread_mutex_unlock(&plain);
  }
  return (void *)sum;
}

static int generation;

static void *wait_for_all(void *x) {
  pthread_mutex_lock(&plain);
  filled++;
  pthread_cond_signal(&empty);
  while (!generation) pthread_cond_wait(&full, &plain);
  pthread_mutex_unlock(&plain);
  return x;
}

static void conditions(void) {
  pthread_t t = start(consume, 0);
  for (int i = 1; i <= TIMES; i++) {
    pthread_mutex_lock(&plain);
    while (filled) pthread_cond_wait(&empty, &plain);
    box = i, filled = 1;
    pthread_cond_signal(&full);
    pthread_mutex_unlock(&plain);
  }
  check("consumed", join(t), TIMES * (TIMES + 1) / 2);
  filled = 0;
  pthread_t w[N];
  for (int i = 0; i < N; i++) w[i] = start(wait_for_all, i);
  pthread_mutex_lock(&plain);
  while (filled < N) pthread_cond_wait(&empty, &plain);
  generation = 1;
  pthread_cond_broadcast(&full);
  pthread_mutex_unlock(&plain);
  intptr_t sum = 0;
  for (int i = 0; i < N; i++) sum += join(w[i]);
  check("woken", sum, N * (N - 1) / 2);

  pthread_condattr_t a;
  pthread_cond_t c;
  clockid_t clock;
  pthread_condattr_init(&a);
  check("the clock", (pthread_condattr_getclock(&a, &clock), clock == CLOCK_REALTIME), 1);
  check("another clock", pthread_condattr_setclock(&a, CLOCK_MONOTONIC), 0);
  pthread_cond_init(&c, &a);
  struct timespec until;
  pthread_mutex_lock(&plain);
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_nsec += 2000000;
  if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
  check("waits, not for ever", pthread_cond_timedwait(&c, &plain, &until), ETIMEDOUT);
  check("until a bad time", pthread_cond_timedwait(&c, &plain, &(struct timespec){1, 1000000000}), EINVAL);
  pthread_mutex_unlock(&plain);
}

static pthread_barrier_t barrier;
static atomic_int serial, phase[3];

static void *phases(void *x) {
  for (int i = 0; i < 3; i++) {
    phase[i]++;
    if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD) serial++;
    if (phase[i] != N) printf("  phase %d: %d\n", i, phase[i]);
  }
  return x;
}

static sem_t places;
static atomic_int inside, most;

static void *enter(void *x) {
  for (int i = 0; i < 20; i++) {
    sem_wait(&places);
    int n = ++inside;
    for (int seen = most; n > seen && !atomic_compare_exchange_weak(&most, &seen, n);) continue;
    sched_yield();
    inside--;
    sem_post(&places);
  }
  return x;
}

static pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;
static long first, second;

static void *read_and_write(void *x) {
  intptr_t wrong = 0;
  for (int i = 0; i < TIMES; i++) {
    if (i % 8 == 0) {
      pthread_rwlock_wrlock(&rw);
      first++;
      if (i % 80 == 0) sched_yield();
      second++;
    } else {
      pthread_rwlock_rdlock(&rw);
      wrong += first != second;
    }
    pthread_rwlock_unlock(&rw);
  }
  if (wrong) printf("  torn: %ld\n", (long)wrong);
  return x;
}

static void others(void) {
  pthread_barrier_init(&barrier, 0, N);
  all(phases);
  check("serial threads", serial, 3);
  sem_init(&places, 0, 2);
  all(enter);
  int left;
  sem_getvalue(&places, &left);
  check("places left", left, 2);
  check("at most two were inside", most <= 2 && most >= 1, 1);
  sem_wait(&places), sem_wait(&places);
  check("no place", sem_trywait(&places) ? errno : 0, EAGAIN);
  check("no place in time", sem_timedwait(&places, &(struct timespec){1, 0}) ? errno : 0, ETIMEDOUT);
  all(read_and_write);
  check("written", first, N * ((TIMES + 7) / 8));
  check("no write while it is read", (pthread_rwlock_rdlock(&rw), pthread_rwlock_trywrlock(&rw)), EBUSY);
  pthread_rwlock_unlock(&rw);
}

// ---- Once, values, ends ----

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int initialised;

static void initialise(void) {
  sched_yield();
  initialised++;
}

static void *initialise_once(void *x) {
  pthread_once(&once, initialise);
  if (initialised != 1) printf("  initialised: %d\n", initialised);
  return x;
}

static pthread_key_t key, again;
static atomic_int destroyed, returned;

static void destroy(void *value) { destroyed += (intptr_t)value; }
static void destroy_twice(void *value) {
  returned++;
  if ((intptr_t)value > 1) pthread_setspecific(again, (void *)((intptr_t)value - 1));
}

static void *values(void *x) {
  if (pthread_getspecific(key)) printf("  a value that was not set\n");
  pthread_setspecific(key, (void *)((intptr_t)x + 1));
  pthread_setspecific(again, (void *)2);
  sched_yield();
  return pthread_getspecific(key);
}

static void clean(void *what) { printf("  cleaned: %s\n", (char *)what); }

static void deeper(int n) {
  if (!n) pthread_exit((void *)77);
  pthread_cleanup_push(clean, n == 1 ? "inner" : "outer");
  deeper(n - 1);
  pthread_cleanup_pop(0);
}

static void *exits(void *x) {
  pthread_setspecific(key, (void *)1000);
  deeper(2);
  return x;
}

static void *set_errno(void *x) {
  errno = 1000 + (int)(intptr_t)x;
  sched_yield();
  return (void *)(intptr_t)(errno - 1000);
}

static sem_t gone;
static void *detached(void *x) {
  pthread_detach(pthread_self());
  sem_post(&gone);
  return x;
}

static void *joins(void *t) { return (void *)(intptr_t)pthread_join((pthread_t)t, 0); }

static void ends(void) {
  all(initialise_once);
  check("initialised", initialised, 1);
  pthread_key_create(&key, destroy);
  pthread_key_create(&again, destroy_twice);
  pthread_t t[N];
  intptr_t sum = 0;
  for (int i = 0; i < N; i++) t[i] = start(values, i);
  for (int i = 0; i < N; i++) sum += join(t[i]);
  check("values", sum, N * (N + 1) / 2);
  check("destroyed when they are joined", destroyed, N * (N + 1) / 2);
  check("destroyed again", returned, 2 * N);
  check("exits", join(start(exits, 0)), 77);
  check("and its value too", destroyed, 1000 + N * (N + 1) / 2);
  check("deleted", pthread_key_delete(key), 0);
  pthread_key_t next;
  pthread_key_create(&next, 0);
  check("another key has no value", pthread_getspecific(next) == 0, 1);
  sum = 0;
  for (int i = 0; i < N; i++) t[i] = start(set_errno, i);
  errno = 5;
  for (int i = 0; i < N; i++) sum += join(t[i]);
  check("each thread's errno", sum, N * (N - 1) / 2);
  check("mine", errno, 5);
  sem_init(&gone, 0, 0);
  for (int i = 0; i < N; i++) start(detached, i);
  for (int i = 0; i < N; i++) sem_wait(&gone);
  check("detached", 1, 1);
  check("joins itself", pthread_join(pthread_self(), 0), EDEADLK);
  check("tells itself", pthread_equal(pthread_self(), pthread_self()) != 0, 1);
  check("joined by another thread", join(start(joins, (intptr_t)start(count, 0))), 0);
}

// ---- C11, and streams ----

static mtx_t mtx;
static cnd_t cnd;
static tss_t tss;
static int turns, tss_destroyed;
static once_flag flag = ONCE_FLAG_INIT;

static void tss_destroy(void *value) { tss_destroyed += *(int *)value; }

static int c11(void *x) {
  static int one = 1;
  call_once(&flag, initialise);
  tss_set(tss, &one);
  int me = (int)(intptr_t)x;
  mtx_lock(&mtx);
  while (turns != me) cnd_wait(&cnd, &mtx);
  turns++;
  cnd_broadcast(&cnd);
  mtx_unlock(&mtx);
  if (me == 3) thrd_exit(30);
  return me;
}

static void of_c11(void) {
  mtx_init(&mtx, mtx_plain), cnd_init(&cnd), tss_create(&tss, tss_destroy);
  thrd_t t[N];
  int sum = 0;
  for (intptr_t i = 0; i < N; i++) check("thrd_create", thrd_create(&t[i], c11, (void *)i), thrd_success);
  for (int i = N - 1, r; i >= 0; i--) thrd_join(t[i], &r), sum += r;
  check("returned", sum, N * (N - 1) / 2 + 27);
  check("turns", turns, N);
  check("of their own", tss_destroyed, N);
  check("once more", initialised, 2);
  mtx_lock(&mtx);
  check("in time", mtx_timedlock(&mtx, &(struct timespec){1, 0}), thrd_timedout);
}

static FILE *stream;

static void *print(void *x) {
  for (int i = 0; i < 50; i++) {
    fprintf(stream, "%s%s%d\n", "abcdefghijkl", "mnopqrstuvwx", (int)(intptr_t)x % 10);
    if (i % 10) continue;
    flockfile(stream);
    fputs("(", stream), fputs(")\n", stream);
    funlockfile(stream);
  }
  return x;
}

static void streams(void) {
  char *text;
  size_t size;
  stream = open_memstream(&text, &size);
  all(print);
  fclose(stream);
  int lines = 0, marks = 0, broken = 0;
  for (char *line = strtok(text, "\n"); line; line = strtok(0, "\n")) {
    if (!strcmp(line, "()")) marks++;
    else if (strlen(line) == 25 && !memcmp(line, "abcdefghijklmnopqrstuvwx", 24)) lines++;
    else broken++;
  }
  check("lines", lines, N * 50);
  check("marks", marks, N * 5);
  check("broken", broken, 0);
  free(text);
}

int run(void) {
  static const struct { const char *name; void (*f)(void); } parts[] = {
      {"mutexes", mutexes}, {"conditions", conditions}, {"others", others}, {"ends", ends}, {"C11", of_c11}, {"streams", streams}};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    printf("%s\n", parts[i].name);
    parts[i].f();
  }
  fflush(stdout);
  return 0;
}

#ifdef NATIVE
int main(void) { return run(); }
#endif
