// Functions that trap when called: unreachable, out of bounds, division by zero, stack exhaustion.
int trap_unreachable(void) { __builtin_trap(); }
int trap_bounds(void) { return *(volatile int *)0xfffffff0; }
int trap_divide(int x) { return 1 / *(volatile int *)&x; }
// No variable lives in memory, so that it is the engine's stack that ends, not the one in linear memory.
__attribute__((noinline)) int trap_recurse(int x) { return x == -1 ? 0 : x - trap_recurse(x + 1); }
