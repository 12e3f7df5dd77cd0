// What libraries and compiler expect of a libc and wasi-libc of 2022 does not have.
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

// Libraries reach errno through this: a library cannot import a thread-local variable.
int *__errno_location(void) { return &errno; }

uintptr_t __stack_chk_guard = 0x2f1b6a05;
_Noreturn void __stack_chk_fail(void) { __builtin_trap(); }

// dlmalloc prepares itself in the first call, unlocked; so that has to happen before there is a second thread.
__attribute__((constructor)) static void prepare_heap(void) { free(malloc(1)); }

// setjmp and longjmp as LLVM compiles them for WebAssembly's exception handling: a call of setjmp remembers which
// call of which function it was, longjmp throws, and the function that catches asks whether it was meant.
struct jump {
  void *invocation;
  uint32_t label;
  struct {
    void *env;
    int value;
  } argument; // what is thrown is a pointer to this
};

void __wasm_setjmp(void *env, uint32_t label, void *invocation) {
  struct jump *j = env;
  j->invocation = invocation;
  j->label = label;
}

uint32_t __wasm_setjmp_test(void *env, void *invocation) {
  struct jump *j = env;
  return j->invocation == invocation ? j->label : 0;
}

_Noreturn void __wasm_longjmp(void *env, int value) {
  struct jump *j = env;
  j->argument.env = env;
  j->argument.value = value ? value : 1; // C: setjmp never returns 0 twice
  __builtin_wasm_throw(1, &j->argument); // 1 is the tag __c_longjmp
}
