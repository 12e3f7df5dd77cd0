// One of several definitions of the same names, each with another result: what is found shows where was looked.
int scope_mark = 1;
int scope_which(int x) { return x + 100000; }
