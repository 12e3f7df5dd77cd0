// setjmp in one library, longjmp in another one, the code that throws in a third.
#include "fixture.h"

typedef int jmp_buf[8];
int setjmp(jmp_buf) __attribute__((returns_twice));
int jumper_leave(int *buffer, int value);

static int jumps;

int jump_run(int value) {
  jmp_buf buffer;
  int got = setjmp(buffer);
  if (got == 0) return jumper_leave(buffer, value) - 1000;
  jumps++;
  return got;
}

int jump_count(void) { return jumps; }
