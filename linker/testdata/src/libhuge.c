// 128 MiB of zero-initialised data: more than the main modules' memory may grow to.
static char huge[128 << 20];
char *huge_address(int i) { return &huge[i]; }
