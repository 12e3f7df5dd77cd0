// Calls function pointers that it is given, and uses the main module's heap and stack.
#include "fixture.h"

int callback_apply(unary fn, int x) { return fn(x); }

// The sum of fn(0) to fn(n-1), through an array on the heap; -1 when there is no memory.
int callback_sum(unary fn, int n) {
  int *values = malloc(n * sizeof *values);
  if (!values) return -1;
  for (int i = 0; i < n; i++) values[i] = fn(i);
  int sum = 0;
  for (int i = 0; i < n; i++) sum += values[i];
  free(values);
  return sum;
}

static int callback_own(int x) { return x + 5; }
unary callback_own_address(void) { return callback_own; }

// Keeps a pointer for a later call, which may come from another group.
static unary kept;
void callback_keep(unary fn) { __atomic_store_n((u32 *)&kept, (u32)fn, __ATOMIC_SEQ_CST); }
int callback_call_kept(int x) {
  unary fn = (unary)__atomic_load_n((u32 *)&kept, __ATOMIC_SEQ_CST);
  return fn ? fn(x) : -1;
}
