// A library that imports what it exports itself, as the libc.so of some toolchains does for nearly every
// symbol. A definition that was loaded earlier wins, else its own is used.
#define imported(name) __attribute__((import_module("env"), import_name(#name)))

int interpose_value = 61;
int interpose_function(int x) { return x + 61; }
imported(interpose_function) int call_interpose_function(int x);

int interpose_call(int x) { return call_interpose_function(x); }    // whoever came first
int interpose_call_own(int x) { return interpose_function(x); }     // always its own
int interpose_read(void) { return interpose_value; }                // whoever came first, through the GOT
int (*interpose_address(void))(int) { return interpose_function; } // the same
