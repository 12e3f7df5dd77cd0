// Loaded before libinterpose, its definitions win.
int interpose_value = 62;
int interpose_function(int x) { return x + 62; }
