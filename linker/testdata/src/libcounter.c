// A counter in static memory. Every group has to see the same one, and a group that is added later must
// not set it back.
static int count = 100;
int counter_next(void) { return __atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST); }
int counter_get(void) { return __atomic_load_n(&count, __ATOMIC_SEQ_CST); }
int *counter_address(void) { return &count; }
