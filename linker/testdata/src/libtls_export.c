// Thread-local variables for others.
_Thread_local int tls_shared = 900;
_Thread_local int tls_other = 910;
int tls_shared_next(void) { return ++tls_shared; }
int *tls_shared_address(void) { return &tls_shared; }
int *tls_other_address(void) { return &tls_other; }
