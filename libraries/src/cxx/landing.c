// Linked into every library in C++ that catches exceptions: where the compiler's code and the function of the main module
// that compares types (the personality) leave notes for each other. It is thread-local, and a library cannot import that.
#include <stdint.h>

struct notes {
  uintptr_t place; // which landing pad of the function
  uintptr_t table; // of what is caught where
  uintptr_t chosen;
};

extern _Thread_local struct notes __wasm_lpad_context __attribute__((visibility("hidden")));
_Thread_local struct notes __wasm_lpad_context;

struct exception { // as the C++ ABI has it
  uint64_t kind;
};

int __gxx_personality_wasm0(int version, int actions, uint64_t kind, struct exception *, struct notes *);

// Called by the code that the compiler makes for catch, for each exception that comes there.
__attribute__((visibility("hidden"))) int _Unwind_CallPersonality(struct exception *thrown) {
  __wasm_lpad_context.chosen = 0;
  return __gxx_personality_wasm0(1, 1, thrown->kind, thrown, &__wasm_lpad_context);
}
