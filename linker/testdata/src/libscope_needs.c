// Uses what it names as needed, unless somebody global has it.
int scope_which(int x);
int scope_need(int x) { return scope_which(x); }
