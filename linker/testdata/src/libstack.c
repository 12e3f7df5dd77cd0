// Uses the stack: every group has its own.
unsigned stack_address(void) {
  volatile int local = 0;
  unsigned address = (unsigned)&local;
  return address;
}
// The sum of 0 to n-1, one stack frame each.
__attribute__((noinline)) int stack_sum(int n) {
  volatile int frame[16];
  if (n <= 0) return 0;
  for (int i = 0; i < 16; i++) frame[i] = n - 1;
  return stack_sum(n - 1) + frame[n & 15];
}
