// Data and functions for other libraries to point at (libdata, libfnptr).
int other_value = 11;
int other_array[4] = {20, 21, 22, 23};
int other_add(int x) { return x + 1000; }

// other_negate is exported and has a slot in this library's own element segment: its address is taken
// under a private name (under the exported one, it would come from GOT.func instead).
static int negate(int x) { return -x; }
int other_negate(int x) __attribute__((alias("negate")));
int (*other_negate_address(void))(int) { return negate; }
