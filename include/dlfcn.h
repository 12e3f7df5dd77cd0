// <dlfcn.h> for guests of the Lockstep linker, in front of the C library's: what is written for wasi-libc's compiles, and calls
// the linker. See lockstep/dlfcn.h.
#ifndef _DLFCN_H
#define _DLFCN_H
#include <lockstep/dlfcn.h>
#endif
