// How a program begins that libraries can be linked to, instead of wasi-libc's crt1-command.o.
//
// That leaves constructors and destructors to wrappers that wasm-ld makes around exported functions. A program
// for libraries exports all its functions, so that each call of one would run all constructors again, or,
// with --export-all, none ever would. Here they run once, and what is buffered is written at the end.
void __wasm_call_ctors(void);
void __wasm_call_dtors(void);
int __main_void(void);
_Noreturn void __wasi_proc_exit(unsigned);

__attribute__((export_name("_start"))) void _start(void) {
  __wasm_call_ctors();
  int status = __main_void();
  __wasm_call_dtors();
  if (status != 0) __wasi_proc_exit((unsigned)status);
}
