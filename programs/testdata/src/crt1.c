// The start of a command as wasi-libc has it since 2023: it runs constructors and destructors itself.
void __wasm_call_ctors(void);
void __wasm_call_dtors(void);
int __main_void(void);
_Noreturn void _Exit(int);

__attribute__((export_name("_start"))) void _start(void) {
  __wasm_call_ctors();
  int status = __main_void();
  __wasm_call_dtors();
  if (status) _Exit(status);
}
