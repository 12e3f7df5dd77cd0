// Atomic operations on memory that all groups share.
static int cell;
static long long wide;
static int lock;
static int guarded;

int atomic_add(int x) { return __atomic_add_fetch(&cell, x, __ATOMIC_SEQ_CST); }
int atomic_get(void) { return __atomic_load_n(&cell, __ATOMIC_SEQ_CST); }
long long atomic_add64(long long x) { return __atomic_add_fetch(&wide, x, __ATOMIC_SEQ_CST); }
int atomic_swap_if(int from, int to) {
  return __atomic_compare_exchange_n(&cell, &from, to, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}
int *atomic_address(void) { return &cell; }

// n increments of a plain variable under a spin lock; returns its value at the end.
int atomic_guarded_add(int n) {
  int result = 0;
  for (int i = 0; i < n; i++) {
    while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE)) {
    }
    result = ++guarded;
    __atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
  }
  return result;
}

// Blocks while *address == expected, at most timeout nanoseconds (negative: for ever).
// 0 woken, 1 another value, 2 timed out.
int atomic_wait(int *address, int expected, long long timeout) {
  return __builtin_wasm_memory_atomic_wait32(address, expected, timeout);
}
int atomic_notify(int *address, int count) { return __builtin_wasm_memory_atomic_notify(address, count); }
