// What the compiler calls for setjmp and longjmp, as a library of its own: it throws with the tag __c_longjmp, which
// nobody defines, to be caught in other libraries.
#include "fixture.h"

struct thrown {
  struct jump *target;
  int value;
};

struct jump {
  void *frame; // which call of setjmp's function it was
  u32 label;   // which setjmp of that function
  struct thrown thrown;
};

void __wasm_setjmp(struct jump *j, u32 label, void *frame) {
  j->frame = frame;
  j->label = label;
}

u32 __wasm_setjmp_test(struct jump *j, void *frame) { return j->frame == frame ? j->label : 0; }

void __wasm_longjmp(struct jump *j, int value) {
  j->thrown.target = j;
  j->thrown.value = value ? value : 1;
  __builtin_wasm_throw(1, &j->thrown);
}
