// See librpath.c.
int deep(int x) { return 10 * x; }
