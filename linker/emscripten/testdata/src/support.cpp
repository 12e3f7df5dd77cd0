// What Emscripten's own libraries bring to a program.
#include "runtime.h"

// ---- What the host calls.

extern "C" unsigned char __heap_base;
static u32 end_of_heap;

EXPORT(malloc) void *malloc(size_t n) {
  if (!end_of_heap)
    end_of_heap = (u32)&__heap_base;
  u32 at = (end_of_heap + 15) & ~15u;
  end_of_heap = at + n;
  return end_of_heap <= __builtin_wasm_memory_size(0) * 65536 ? (void *)at : 0;
}
EXPORT(free) void free(void *) {}

asm(".globaltype __stack_pointer, i32\n"
    ".globl emscripten_stack_get_current\n.export_name emscripten_stack_get_current, emscripten_stack_get_current\n"
    "emscripten_stack_get_current:\n.functype emscripten_stack_get_current () -> (i32)\nglobal.get __stack_pointer\nend_function\n"
    ".globl _emscripten_stack_restore\n.export_name _emscripten_stack_restore, _emscripten_stack_restore\n"
    "_emscripten_stack_restore:\n.functype _emscripten_stack_restore (i32) -> ()\nlocal.get 0\nglobal.set __stack_pointer\nend_function\n");

extern "C" {
u32 __THREW__, __threwValue;
}
EXPORT(setThrew) void setThrew(u32 threw, int value) {
  if (!__THREW__) {
    __THREW__ = threw;
    __threwValue = value;
  }
}
static u32 temp_ret;
EXPORT(_emscripten_tempret_set) void tempret_set(u32 v) { temp_ret = v; }
extern "C" u32 getTempRet0(void) { return temp_ret; }
EXPORT(__cxa_can_catch) int can_catch(void *wanted, void *thrown, void **) { return wanted == thrown; }
static char dl_error[256];
EXPORT(__dl_seterr) void dl_seterr(const char *, char **args) {
  for (u32 i = 0; i < sizeof dl_error - 1; i++)
    if (!(dl_error[i] = args[0][i]))
      break;
}
EXPORT(last_dlerror) const char *last_dlerror(void) { return dl_error; }

// ---- longjmp, as compiler-rt of Emscripten has it.

struct jump {
  void *id;
  u32 label;
  void *env;
  int value;
};
extern "C" void __wasm_setjmp(void *env, u32 label, void *id) {
  ((jump *)env)->id = id;
  ((jump *)env)->label = label;
}
extern "C" u32 __wasm_setjmp_test(void *env, void *id) { return ((jump *)env)->id == id ? ((jump *)env)->label : 0; }
extern "C" __attribute__((noreturn)) void emscripten_longjmp(u32 env, int value) {
  setThrew(env, value ? value : 1);
  throw_longjmp();
}
