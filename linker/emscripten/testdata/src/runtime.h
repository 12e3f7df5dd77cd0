// What Emscripten's own libraries would bring: enough of them for the fixtures.
#pragma once

#define IMPORT(name) extern "C" __attribute__((import_module("env"), import_name(#name)))
#define EXPORT(name) extern "C" __attribute__((export_name(#name), used))

typedef unsigned int u32;
typedef unsigned long size_t;

struct iovec {
  const void *base;
  u32 length;
};

extern "C" __attribute__((import_module("wasi_snapshot_preview1"), import_name("fd_write"))) int fd_write(int fd, const iovec *v, int n, u32 *written);
IMPORT(exit) __attribute__((noreturn)) void host_exit(int code);
IMPORT(_emscripten_throw_longjmp) __attribute__((noreturn)) void throw_longjmp(void);
IMPORT(__assert_fail) __attribute__((noreturn)) void assert_fail(const char *condition, const char *file, int line, const char *function);
IMPORT(nobodys_function) int nobodys_function(int x);
IMPORT(_dlopen_js) int dlopen_js(void *dso);
IMPORT(_dlsym_js) void *dlsym_js(void *dso, const char *symbol, int *index);
IMPORT(emscripten_asm_const_int) int asm_const_int(const char *code, const char *types, const void *args);
