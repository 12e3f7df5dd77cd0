// Another definition of the names of libscope_one, and one of a name of the main module.
int scope_mark = 2;
int scope_which(int x) { return x + 200000; }
int main_triple(int x) { return 3 * x + 200000; }
