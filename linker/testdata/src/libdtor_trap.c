// A destructor that traps: those that are left run all the same.
#include "fixture.h"

__attribute__((destructor(100))) static void last(void) { log_append(703); }
__attribute__((destructor(200))) static void trap(void) {
  log_append(702);
  __builtin_trap();
}
__attribute__((destructor(300))) static void first(void) { log_append(701); }
int dtor_trap_value(void) { return 7; }
