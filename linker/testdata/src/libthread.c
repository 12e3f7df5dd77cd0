// Threads without a C library: thread-spawn of wasi-threads, joining by atomic wait and notify.
#include "fixture.h"

__attribute__((import_module("wasi"), import_name("thread-spawn"))) int thread_spawn(void *start);
__attribute__((import_module("wasi_snapshot_preview1"), import_name("proc_exit"))) void proc_exit(int code);

struct thread {
  int (*run)(int);
  int argument, result, tid;
  int done; // 0 until the thread has ended; others wait here
};

static _Thread_local int calls;

void wasi_thread_start(int tid, struct thread *t) {
  t->tid = tid;
  t->result = t->run(t->argument);
  __atomic_store_n(&t->done, 1, __ATOMIC_SEQ_CST);
  __builtin_wasm_memory_atomic_notify(&t->done, -1);
}

// A thread that was started, or null.
struct thread *thread_create(int (*run)(int), int argument) {
  struct thread *t = malloc(sizeof *t);
  t->run = run;
  t->argument = argument;
  t->done = 0;
  if (thread_spawn(t) >= 0) return t;
  free(t);
  return 0;
}

int thread_start_error(void) { return thread_spawn(0); }

int thread_join(struct thread *t) {
  while (!__atomic_load_n(&t->done, __ATOMIC_SEQ_CST)) __builtin_wasm_memory_atomic_wait32(&t->done, 0, -1);
  int result = t->result;
  free(t);
  return result;
}

int thread_tid(struct thread *t) { return t->tid; }

// ---- What threads do ----

static int lock, total;

// 0 unlocked, 1 locked, 2 locked and somebody waits.
static void acquire(void) {
  int seen = 0;
  if (__atomic_compare_exchange_n(&lock, &seen, 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) return;
  while (__atomic_exchange_n(&lock, 2, __ATOMIC_SEQ_CST)) __builtin_wasm_memory_atomic_wait32(&lock, 2, -1);
}

static void release(void) {
  if (__atomic_exchange_n(&lock, 0, __ATOMIC_SEQ_CST) == 2) __builtin_wasm_memory_atomic_notify(&lock, 1);
}

int thread_add(int times) { // under the lock; how often this thread has
  for (int i = 0; i < times; i++) {
    acquire();
    total++;
    release();
    calls++;
  }
  return calls;
}

int thread_total(void) { return total; }

int thread_trap(int unused) {
  (void)unused;
  __builtin_trap();
}

int thread_exit(int code) { proc_exit(code); return 0; }

static int gate;

int thread_wait(int timeout_ms) { // waits at the gate: 0 woken, 1 it was open already, 2 timed out
  return __builtin_wasm_memory_atomic_wait32(&gate, 0, timeout_ms < 0 ? -1 : timeout_ms * 1000000ll);
}

int thread_open_gate(int wake) {
  __atomic_store_n(&gate, 1, __ATOMIC_SEQ_CST);
  return __builtin_wasm_memory_atomic_notify(&gate, wake);
}

int thread_wake(int wake) { return __builtin_wasm_memory_atomic_notify(&gate, wake); }

static long long gate64;
int thread_wait64(long long expected) { return __builtin_wasm_memory_atomic_wait64(&gate64, expected, 0); }

// Runs run(argument) in n threads and returns the sum of their results; -1 if one could not be started.
int thread_run(int (*run)(int), int argument, int n) {
  struct thread *threads[64];
  int sum = 0;
  for (int i = 0; i < n; i++)
    if (!(threads[i] = thread_create(run, argument))) return -1;
  for (int i = 0; i < n; i++) sum += thread_join(threads[i]);
  return sum;
}

void *thread_function(int which) {
  static int (*const functions[])(int) = {thread_add, thread_trap, thread_exit, thread_wait};
  return (void *)functions[which];
}
