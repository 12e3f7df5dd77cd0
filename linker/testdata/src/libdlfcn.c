// dlopen and its like, called by a library: through the linker's own functions.
#include <lockstep/dlfcn.h>

#include "fixture.h"

void *dlfcn_open(const char *file, int flags) { return dlopen(file, flags); }
void *dlfcn_symbol(void *handle, const char *name) { return dlsym(handle, name); }
int dlfcn_close(void *handle) { return dlclose(handle); }
char *dlfcn_error(void) { return dlerror(); }
int dlfcn_address(const void *p, Dl_info *info) { return dladdr(p, info); }

// counter_next of libcounter, found by name; -1 where something is missing.
int dlfcn_count(void) {
  void *lib = dlopen("libcounter.wasm", RTLD_NOW);
  int (*next)(void) = (int (*)(void))dlsym(lib, "counter_next");
  return lib && next ? next() : -1;
}

// interposed here and in libraries loaded later: the next one's answer, -1 where there is none.
int weak_defined(int x) {
  unary next = (unary)dlsym(RTLD_NEXT, "weak_defined");
  return next ? 1000 + next(x) : -1;
}
