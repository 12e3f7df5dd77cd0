// The main function of a position-independent program: how it is to end is in a variable that the host sets.
char how[16] = "";
int run(const char *how);
int __main_void(void) { return run(how); }
