// A library that needs nothing but room for its data and in the function table.
static int twice(int x) { return 2 * x; }
static int thrice(int x) { return 3 * x; }
static int square(int x) { return x * x; }
static int (*const functions[])(int) = {twice, thrice, square};
int (*get(int i))(int) { return functions[i]; }
