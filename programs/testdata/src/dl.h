// <dlfcn.h>, of whoever compiles.
#ifdef __wasm__
#include <lockstep/dlfcn.h>
#else
#include <dlfcn.h>
#endif
