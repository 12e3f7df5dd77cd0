// Linked with -Bsymbolic: own symbols bind to own definitions, through a start function.
#include "fixture.h"

int symbolic_value = 71;
int symbolic_add(int x) { return x + symbolic_value; }
int *symbolic_to_value = &symbolic_value;
static unary symbolic_function = symbolic_add;

int *symbolic_address(void) { return &symbolic_value; }
int symbolic_read(void) { return *symbolic_to_value; }   // 71
unary symbolic_function_address(void) { return symbolic_add; }
int symbolic_call(int x) { return symbolic_function(x); } // x+71
int symbolic_call_main(int x) { return main_twice(x) + main_value; }
