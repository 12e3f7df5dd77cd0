// What wasi-libc's static libdl is: functions that are there to be replaced. They are weak, and no other definition is linked.
#include <stdio.h>

static const char *failure;

__attribute__((weak)) void *dlopen(const char *file, int mode) {
  (void)file, (void)mode;
  failure = "dlopen is not supported";
  return 0;
}
__attribute__((weak)) void *dlsym(void *handle, const char *name) {
  (void)handle, (void)name;
  failure = "dlsym is not supported";
  return 0;
}
__attribute__((weak)) int dlclose(void *handle) {
  (void)handle;
  return -1;
}
__attribute__((weak)) const char *dlerror(void) {
  const char *e = failure;
  failure = 0;
  return e;
}

// noinline: a compiler must not know what they return.
__attribute__((noinline)) static void try(void *(*volatile open)(const char *, int)) {
  void *lib = open("libpointers.so", 2);
  if (!lib) puts(dlerror());
  else printf("%d %d\n", dlsym(lib, "get") != 0, dlclose(lib));
}

int main(void) {
  try(dlopen);
  void *lib = dlopen("gone.so", 2);
  const char *e = lib ? 0 : dlerror();
  puts(e ? "an error" : "no error");
  return 0;
}
