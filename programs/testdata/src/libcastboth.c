// Needs both libraries, so that they are loaded as one group.
int both(void) { return 2; }
