// A constructor that traps half-way: nothing of the library may stay visible.
#include "fixture.h"

int trap_ctor_value = 81;
__attribute__((constructor(101))) static void before(void) { log_append(401); }
__attribute__((constructor(102))) static void trap(void) { __builtin_trap(); }
__attribute__((constructor(103))) static void after(void) { log_append(403); }
int trap_ctor(int x) { return x; }
unary trap_ctor_address(void) { return trap_ctor; }
