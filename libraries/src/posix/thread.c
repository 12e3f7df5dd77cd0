// Threads, where musl would ask a kernel for them: a thread is what the host makes for thread-spawn, with a stack and
// thread-local storage that it has from the host as well. Mutexes, conditions and all else that waits are musl's own.
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "libc.h"
#include "lock.h"
#include "pthread_impl.h"
#include "setjmp.h"
#include "stdio_impl.h"

__attribute__((import_module("wasi"), import_name("thread-spawn"))) int thread_spawn(void *start);
__attribute__((import_module("env"), import_name("__cxa_thread_atexit"))) int at_thread_exit(void (*)(void *), void *, void *);
extern char __dso_handle;

hidden FILE **__ofl_lock(void);
hidden void __ofl_unlock(void);
hidden void __do_orphaned_stdio_locks(void);

struct value {
  unsigned key; // which key it was set for: the number that the key had then
  void *value;
};

struct thread { // what pthread_t points to
  struct pthread p;
  void *(*run)(void *);
  void *argument;
  struct __ptcb *cleanup; // handlers, the newest first
  int made;               // by pthread_create
  jmp_buf top;            // where it began
};

_Thread_local uintptr_t __posix_thread;
static _Thread_local struct thread unmade; // of the program's first thread, and of those that Go has made
static _Thread_local struct value values[PTHREAD_KEYS_MAX];
static _Thread_local int values_end; // their destructors will run when the thread ends
static int live;                     // threads that pthread_create has made

static struct {
  unsigned number; // 0: free; another one for each key that has been here
  void (*destroy)(void *);
} keys[PTHREAD_KEYS_MAX];
static volatile int keys_lock[1];
static unsigned last_key;

// ---- What musl asks a kernel for ----

static int wait_for(volatile int *address, int value, long long nanoseconds) {
  return __builtin_wasm_memory_atomic_wait32((int *)address, value, nanoseconds);
}

static void wake(volatile int *address, int n) { __builtin_wasm_memory_atomic_notify((int *)address, n); }

long __posix_call(int which, ...) {
  va_list a;
  va_start(a, which);
  long result = -ENOSYS;
  if (which == SYS_futex) {
    volatile int *address = va_arg(a, volatile int *);
    int op = va_arg(a, int) & ~FUTEX_PRIVATE, value = va_arg(a, int);
    result = 0;
    if (op == FUTEX_WAIT) wait_for(address, value, -1);
    else if (op == FUTEX_WAKE) wake(address, value);
    else if (op == FUTEX_REQUEUE) wake(address, 1); // there is no moving a waiter: it wakes, and waits again
    else result = -ENOSYS;
  } else if (which == SYS_sched_yield) {
    result = sched_yield();
  }
  va_end(a);
  return result;
}

int __timedwait_cp(volatile int *address, int value, clockid_t clock, const struct timespec *until, int private) {
  (void)private;
  long long left = -1;
  if (until) {
    struct timespec now;
    if ((unsigned long)until->tv_nsec >= 1000000000UL) return EINVAL;
    if (clock_gettime(clock ? clock : CLOCK_REALTIME, &now)) return EINVAL;
    long long seconds = until->tv_sec - now.tv_sec;
    if (seconds > 1LL << 32) seconds = 1LL << 32;
    left = seconds < 0 ? -1 : seconds * 1000000000 + until->tv_nsec - now.tv_nsec;
    if (left <= 0) return ETIMEDOUT;
  }
  return wait_for(address, value, left) == 2 ? ETIMEDOUT : 0;
}

int __timedwait(volatile int *address, int value, clockid_t clock, const struct timespec *until, int private) {
  return __timedwait_cp(address, value, clock, until, private);
}

// A clock is a pointer in this libc, and 0 is the clock of a condition that was not given another.
int pthread_condattr_setclock(pthread_condattr_t *a, clockid_t clock) {
  if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC) return EINVAL;
  a->__attr = (a->__attr & 0x80000000) | (unsigned)clock;
  return 0;
}

int pthread_condattr_getclock(const pthread_condattr_t *restrict a, clockid_t *restrict clock) {
  unsigned c = a->__attr & 0x7fffffff;
  *clock = c ? (clockid_t)c : CLOCK_REALTIME;
  return 0;
}

// ---- Beginning and ending ----

// lock_stream has a stream locked from now on; musl does without until there is a second thread.
static void lock_stream(FILE *f) {
  if (f && f->lock < 0) f->lock = 0;
}

// Groups that Go makes are threads of which nothing is said here, so everything is locked from the beginning.
__attribute__((constructor(10))) static void prepare(void) {
  lock_stream(stdin);
  lock_stream(stdout);
  lock_stream(stderr);
  for (FILE *f = *__ofl_lock(); f; f = f->next) lock_stream(f);
  __ofl_unlock();
  libc.can_do_threads = libc.threaded = 1;
  libc.need_locks = 1;
}

static struct thread *become(struct thread *t, int tid) {
  t->p.self = &t->p;
  t->p.tid = tid;
  t->p.locale = &libc.global_locale;
  t->p.robust_list.head = &t->p.robust_list.head;
  __posix_thread = (uintptr_t)t;
  return t;
}

uintptr_t __posix_begin(void) {
  static int others = 1 << 29; // the host's numbers for threads are below
  return (uintptr_t)become(&unmade, __atomic_fetch_add(&others, 1, __ATOMIC_SEQ_CST));
}

static struct thread *self(void) { return (struct thread *)__get_tp(); }

static void destroy_values(void *unused) {
  (void)unused;
  values_end = 0;
  for (int again = 1, turn = 0; again && turn < PTHREAD_DESTRUCTOR_ITERATIONS; turn++) {
    again = 0;
    for (int k = 0; k < PTHREAD_KEYS_MAX; k++) {
      void *value = pthread_getspecific(k), (*destroy)(void *) = keys[k].destroy;
      values[k].value = 0;
      if (value && destroy) {
        destroy(value);
        again = 1;
      }
    }
  }
}

// finish is a thread's very last function: whoever joins it may go on.
static void finish(void *thread) {
  struct thread *t = thread;
  destroy_values(0);
  values_end = 1; // nothing will run them any more
  __do_orphaned_stdio_locks();
  if (!__atomic_sub_fetch(&live, 1, __ATOMIC_SEQ_CST)) wake(&live, -1);
  become(&unmade, t->p.tid); // a destructor that comes late still has a thread
  if (a_cas(&t->p.detach_state, DT_JOINABLE, DT_EXITED) == DT_JOINABLE) wake(&t->p.detach_state, -1);
  else free(t);
}

void wasi_thread_start(int tid, struct thread *t) {
  become(t, tid);
  // Destructors of thread-local data run in the reverse order of their registration, so all others come before.
  if (at_thread_exit(finish, t, &__dso_handle)) a_crash();
  if (!setjmp(t->top)) t->p.result = t->run(t->argument);
}

int __pthread_create(pthread_t *restrict out, const pthread_attr_t *restrict attr, void *(*run)(void *), void *restrict argument) {
  struct thread *t = calloc(1, sizeof *t);
  if (!t) return EAGAIN;
  t->run = run, t->argument = argument, t->made = 1;
  int c11 = attr == __ATTRP_C11_THREAD;
  t->p.detach_state = !c11 && attr && attr->_a_detach ? DT_DETACHED : DT_JOINABLE;
  __atomic_add_fetch(&live, 1, __ATOMIC_SEQ_CST);
  *out = &t->p; // before the thread begins: it may look
  if (thread_spawn(t) < 0) {
    if (!__atomic_sub_fetch(&live, 1, __ATOMIC_SEQ_CST)) wake(&live, -1);
    free(t);
    return EAGAIN;
  }
  return 0;
}
weak_alias(__pthread_create, pthread_create);

_Noreturn void __pthread_exit(void *result) {
  struct thread *t = self();
  t->p.result = result;
  while (t->cleanup) {
    struct __ptcb *c = t->cleanup;
    t->cleanup = c->__next;
    c->__f(c->__x);
  }
  // Through frames of C++ as well: their destructors run.
  if (t->made) longjmp(t->top, 1);
  destroy_values(0);
  for (int n; (n = __atomic_load_n(&live, __ATOMIC_SEQ_CST));) wait_for(&live, n, -1);
  exit(0);
}
weak_alias(__pthread_exit, pthread_exit);

int pthread_timedjoin_np(pthread_t p, void **result, const struct timespec *until) {
  struct thread *t = (struct thread *)p;
  if (t == self()) return EDEADLK;
  for (int state; (state = t->p.detach_state) != DT_EXITED;) {
    if (state == DT_DETACHED) return EINVAL;
    int r = __timedwait_cp(&t->p.detach_state, state, CLOCK_REALTIME, until, 1);
    if (r) return r;
  }
  if (result) *result = t->p.result;
  free(t);
  return 0;
}

int __pthread_join(pthread_t p, void **result) { return pthread_timedjoin_np(p, result, 0); }
weak_alias(__pthread_join, pthread_join);

int pthread_tryjoin_np(pthread_t p, void **result) {
  return p->detach_state == DT_JOINABLE ? EBUSY : __pthread_join(p, result);
}

int __pthread_detach(pthread_t p) {
  if (a_cas(&p->detach_state, DT_JOINABLE, DT_DETACHED) == DT_JOINABLE) return 0;
  return __pthread_join(p, 0);
}
weak_alias(__pthread_detach, pthread_detach);
weak_alias(__pthread_detach, thrd_detach);

void _pthread_cleanup_push(struct __ptcb *c, void (*f)(void *), void *x) {
  struct thread *t = self();
  *c = (struct __ptcb){f, x, t->cleanup};
  t->cleanup = c;
}

void _pthread_cleanup_pop(struct __ptcb *c, int run) {
  self()->cleanup = c->__next;
  if (run) c->__f(c->__x);
}

// Nothing ends a thread from outside.
int pthread_cancel(pthread_t p) {
  (void)p;
  return ENOTSUP;
}
void __pthread_testcancel(void) {}
weak_alias(__pthread_testcancel, pthread_testcancel);

int pthread_getattr_np(pthread_t p, pthread_attr_t *a) {
  *a = (pthread_attr_t){0};
  a->_a_detach = p->detach_state == DT_DETACHED;
  return 0;
}

// ---- Values of threads ----

int __pthread_key_create(pthread_key_t *key, void (*destroy)(void *)) {
  int result = EAGAIN;
  LOCK(keys_lock);
  for (int k = 0; k < PTHREAD_KEYS_MAX; k++) {
    if (keys[k].number) continue;
    keys[k].destroy = destroy;
    keys[k].number = ++last_key ? last_key : ++last_key;
    *key = k;
    result = 0;
    break;
  }
  UNLOCK(keys_lock);
  return result;
}
weak_alias(__pthread_key_create, pthread_key_create);

int __pthread_key_delete(pthread_key_t key) {
  if (key >= PTHREAD_KEYS_MAX || !keys[key].number) return EINVAL;
  LOCK(keys_lock);
  keys[key].number = 0;
  keys[key].destroy = 0;
  UNLOCK(keys_lock);
  return 0;
}
weak_alias(__pthread_key_delete, pthread_key_delete);

void *pthread_getspecific(pthread_key_t key) {
  if (key >= PTHREAD_KEYS_MAX || !keys[key].number || values[key].key != keys[key].number) return 0;
  return values[key].value;
}
void *tss_get(pthread_key_t key) __attribute__((alias("pthread_getspecific")));

int pthread_setspecific(pthread_key_t key, const void *value) {
  if (key >= PTHREAD_KEYS_MAX || !keys[key].number) return EINVAL;
  if (value && !values_end && !self()->made) {
    if (at_thread_exit(destroy_values, 0, &__dso_handle)) return ENOMEM;
    values_end = 1;
  }
  values[key] = (struct value){keys[key].number, (void *)value};
  return 0;
}

int tss_set(pthread_key_t key, void *value) { return pthread_setspecific(key, value) ? 2 : 0; } // thrd_error, thrd_success
