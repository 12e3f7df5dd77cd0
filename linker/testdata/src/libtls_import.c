// Another library's thread-local variables, in initialised code and through their address.
extern _Thread_local int tls_shared, tls_other;
int tls_import_next(void) { return ++tls_shared; }
int tls_import_read_other(void) { return tls_other; }
int *tls_import_address(void) { return &tls_shared; }
