// Thread-local variables: every group has its own, each starts from the initial value.
static _Thread_local int tls_count = 500;
static _Thread_local int tls_zero[4];
int tls_next(void) { return ++tls_count; }
int tls_zero_next(int i) { return ++tls_zero[i & 3]; }
int *tls_address(void) { return &tls_count; }
