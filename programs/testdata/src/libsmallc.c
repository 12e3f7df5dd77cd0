// As much of a C library as a position-independent program with crt1.c needs, as a shared library of its own: atexit, exit and
// buffered output.
#include <stddef.h>
#include <stdint.h>

__attribute__((import_module("wasi_snapshot_preview1"), import_name("fd_write"))) int fd_write(int, const void *, int, size_t *);
__attribute__((import_module("wasi_snapshot_preview1"), import_name("proc_exit"))) _Noreturn void proc_exit(int);

void *stdout;
static char buffer[4096];
static size_t used;
static struct {
  void (*function)(void *);
  void *argument;
} handlers[32];
static int registered;

int fflush(void *stream) {
  struct {
    const char *from;
    size_t n;
  } all = {buffer, used};
  size_t written;
  used = 0;
  return stream ? -1 : fd_write(1, &all, 1, &written);
}

int puts(const char *s) {
  while (*s && used < sizeof buffer - 1) buffer[used++] = *s++;
  buffer[used++] = '\n';
  return 0;
}

int __cxa_atexit(void (*function)(void *), void *argument, void *dso) {
  (void)dso;
  handlers[registered].function = function;
  handlers[registered++].argument = argument;
  return 0;
}

static void plain(void *function) { ((void (*)(void))(uintptr_t)function)(); }

int atexit(void (*function)(void)) { return __cxa_atexit(plain, (void *)(uintptr_t)function, 0); }

void __wasm_call_dtors(void) {
  while (registered) {
    registered--;
    handlers[registered].function(handlers[registered].argument);
  }
  fflush(NULL);
}

_Noreturn void _Exit(int status) { proc_exit(status); }

_Noreturn void exit(int status) {
  __wasm_call_dtors();
  _Exit(status);
}

int strcmp(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return *(const unsigned char *)a - *(const unsigned char *)b;
}
