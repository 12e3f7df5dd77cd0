// Destructors that use what this library is bound to: the main module's functions and heap, and a function that is
// looked for only then.
#include "fixture.h"

int odd(int x); // libodd's, without NEEDED
static int *block;
__attribute__((constructor)) static void construct(void) {
  block = malloc(sizeof *block);
  *block = main_twice(400);
}
__attribute__((destructor)) static void destroy(void) {
  log_append(*block + odd(3)); // 801
  free(block);
}
int dtor_main_value(void) { return *block; }
