// A library that opens another one, and closes it in its destructor; and what destructors do besides.
#include <lockstep/dlfcn.h>

#include "fixture.h"

static void *other, *self;
static int reopen;

int manager_open(void) { return (other = dlopen("libcounter.wasm", RTLD_NOW)) != 0; }
void manager_reopen(void) { reopen = 1; }

__attribute__((destructor)) static void destroy(void) {
  if (other) log_append(900 + dlclose(other));
  if (reopen) {
    self = dlopen("libmanager.wasm", RTLD_NOW); // a new one
    void *open = dlsym(self, "manager_open");
    log_append(self && open && open != (void *)manager_open ? 910 : 911);
    log_append(920 + dlclose(self));
  }
}
