// Constructors of one library: they run once, after relocation, in the order of their priorities.
#include "fixture.h"

static int value;
static int *const value_pointer = &value;
static unary ctor_function;
static int plus_nine(int x) { return x + 9; }

__attribute__((constructor(300))) static void third(void) { log_append(303); }
__attribute__((constructor(200))) static void second(void) { log_append(302); }
__attribute__((constructor(150))) static void first(void) {
  log_append(301);
  *(int *volatile const *)&value_pointer == &value ? (value = 9) : (value = -1);
  ctor_function = plus_nine;
}

int ctor_value(void) { return value; } // 9
int ctor_call(int x) { return ctor_function ? ctor_function(x) : -1; }
