// Function pointers of all kinds, returned so that their identity can be compared.
#include "fixture.h"

static int fnptr_private(int x) { return x + 1; }
int fnptr_exported(int x) { return x + 2; }
// Its address is not taken here: a slot has to be made when somebody asks for it.
int fnptr_unreferenced(int x) { return x + 3; }

int other_add(int x);
int other_negate(int x);

unary fnptr_private_address(void) { return fnptr_private; }
unary fnptr_exported_address(void) { return fnptr_exported; }
unary fnptr_imported_address(void) { return other_add; }           // no slot of its own in libother
unary fnptr_imported_slotted_address(void) { return other_negate; } // has one in libother
unary fnptr_main_address(void) { return main_twice; }               // has one in the main module
unary fnptr_main_triple_address(void) { return main_triple; }       // has none there

int fnptr_is_other_negate(unary fn) { return fn == other_negate; }
int fnptr_call(unary fn, int x) { return fn(x); }
