// musl's header of this name for WebAssembly knows one thread only; this one is found before it.
#include <stdint.h>

extern _Thread_local uintptr_t __posix_thread;
uintptr_t __posix_begin(void); // what thread this is, when it is asked for the first time

static inline uintptr_t __get_tp(void) {
  uintptr_t t = __posix_thread;
  return t ? t : __posix_begin();
}

#define tls_mod_off_t unsigned long long
