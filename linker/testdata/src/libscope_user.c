// Uses what it does not name as needed: the function is looked for until somebody global has it, the datum once.
int scope_which(int x);
__attribute__((weak)) extern int scope_mark;

int scope_use(int x) { return scope_which(x); }
int scope_has(void) { return &scope_mark ? 1 : 0; }
