// The lock of wasi-libc's allocator (dlmalloc), for a memory that several threads share. Included before dlmalloc
// itself, whose USE_LOCKS == 2 means that the lock is defined elsewhere.
//
// Whoever holds it calls no host function and so never stops at a safepoint; that is why it may be waited
// for without one.
#ifndef HEAP_LOCK_H
#define HEAP_LOCK_H

#define USE_LOCKS 2

// 0: free; 1: held; 2: held, and somebody may be waiting. (Drepper, "Futexes Are Tricky", mutex 2.)
typedef int heap_lock;

static heap_lock malloc_global_mutex;

static inline int heap_lock_try(heap_lock *l) {
  int expected = 0;
  return __atomic_compare_exchange_n(l, &expected, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static inline int heap_lock_acquire(heap_lock *l) {
  if (heap_lock_try(l)) return 0;
  while (__atomic_exchange_n(l, 2, __ATOMIC_ACQUIRE)) __builtin_wasm_memory_atomic_wait32(l, 2, -1);
  return 0;
}

static inline void heap_lock_release(heap_lock *l) {
  if (__atomic_exchange_n(l, 0, __ATOMIC_RELEASE) == 2) __builtin_wasm_memory_atomic_notify(l, 1);
}

#define MLOCK_T heap_lock
#define INITIAL_LOCK(l) (*(l) = 0, 0)
#define DESTROY_LOCK(l) ((void)(l))
#define TRY_LOCK(l) heap_lock_try(l)
#define ACQUIRE_LOCK(l) heap_lock_acquire(l)
#define RELEASE_LOCK(l) heap_lock_release(l)

#endif
