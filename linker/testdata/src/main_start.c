// The entry of a main module that is an ordinary executable.
void __wasm_call_ctors(void);
void _initialize(void) { __wasm_call_ctors(); }
