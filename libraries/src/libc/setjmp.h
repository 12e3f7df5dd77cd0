// wasi-libc of 2022 has no setjmp.h. The functions are LLVM's (see support.c); only the type is needed.
#ifndef _SETJMP_H
#define _SETJMP_H

typedef struct {
  void *words[6];
} jmp_buf[1];

int setjmp(jmp_buf) __attribute__((returns_twice));
_Noreturn void longjmp(jmp_buf, int);
#define setjmp setjmp

#endif
