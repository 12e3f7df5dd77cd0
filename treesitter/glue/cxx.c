// What grammars whose scanner is written in C++ (yaml is one) need besides the tree-sitter library, which has no C++ in it: the
// functions of the C++ runtime that such scanners import, by their mangled names, on top of the library's own
// malloc and free. Without exceptions, an allocation that fails and a container that grows too large end the program.

typedef __SIZE_TYPE__ size_t;

void *malloc(size_t size);
void free(void *pointer);

_Noreturn void abort(void) { __builtin_trap(); }

_Noreturn void __assert_fail(const char *expression, const char *file, int line, const char *function) {
  (void)expression, (void)file, (void)line, (void)function;
  abort();
}

// operator new(unsigned long)
void *_Znwm(size_t size) {
  void *pointer = malloc(size ? size : 1);
  if (!pointer)
    abort();
  return pointer;
}

// operator delete(void *)
void _ZdlPv(void *pointer) { free(pointer); }

// std::__2::__vector_base_common<true>::__throw_length_error() const
_Noreturn void _ZNKSt3__220__vector_base_commonILb1EE20__throw_length_errorEv(const void *self) {
  (void)self;
  abort();
}
