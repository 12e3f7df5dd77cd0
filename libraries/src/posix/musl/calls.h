// Included first by every file of wasi-libc.
#ifndef __ASSEMBLER__

#if __has_include("pthread_impl.h") // a file of musl, not of WASI's part, which refuses to be compiled for threads
#define _REENTRANT
#define _WASI_EMULATED_SIGNAL // pthread_impl.h includes these headers
#define _WASI_EMULATED_MMAN
#endif

// musl's header of system calls needs numbers that WASI does not have; the ones that its threads use are in thread.c.
#define _INTERNAL_SYSCALL_H
enum { SYS_futex, SYS_sched_yield, SYS_sched_getaffinity, SYS_get_robust_list, SYS_set_robust_list };
long __posix_call(int which, ...);
#define __syscall(...) __posix_call(__VA_ARGS__)

// What the headers of WASI leave out.
#define SEM_VALUE_MAX 0x7fffffff
struct sched_param {
  int sched_priority;
};
#endif
