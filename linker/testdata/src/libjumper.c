// Leaves through a longjmp, unless the value is 5.
#include "fixture.h"

_Noreturn void longjmp(int *buffer, int value);
int jumper_leave(int *buffer, int value) {
  if (value == 5) return 1005;
  longjmp(buffer, value);
}
