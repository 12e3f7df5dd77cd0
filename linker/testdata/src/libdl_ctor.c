// A constructor that loads libraries: one that is there, and one that is not.
#include <lockstep/dlfcn.h>

#include "fixture.h"

static int value, failed, closed;

__attribute__((constructor)) static void construct(void) {
  void *lib = dlopen("libcounter.wasm", RTLD_NOW);
  int (*next)(void) = (int (*)(void))dlsym(lib, "counter_next");
  value = lib && next ? next() : -1;
  failed = dlopen("libnowhere.wasm", RTLD_NOW) == 0 && dlerror() != 0 && dlerror() == 0;
  closed = dlclose(lib);
}

int dl_ctor_value(void) { return value; }   // 101
int dl_ctor_failed(void) { return failed; } // 1
int dl_ctor_closed(void) { return closed; } // 0
