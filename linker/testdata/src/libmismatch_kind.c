// Imports a function of the main module as if it were data.
extern int main_twice;
int mismatch_kind_read(void) { return main_twice; }
