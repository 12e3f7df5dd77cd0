// A third definition of the names of libscope_one, which it needs; and a call of whichever comes first.
#define imported(name) __attribute__((import_module("env"), import_name(#name)))

int scope_mark = 3;
int scope_which(int x) { return x + 300000; }
imported(scope_which) int call_scope_which(int x);
int scope_three(int x) { return call_scope_which(x); } // of the global scope, or its own
