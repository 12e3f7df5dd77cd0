// <dlfcn.h>, of whoever compiles.
#ifdef __wasm__
#include <lockstep/dlfcn.h>
#else
#define _GNU_SOURCE
#include <dlfcn.h>
#endif
