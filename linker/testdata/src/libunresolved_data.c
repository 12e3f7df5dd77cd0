// Data that nobody has: unlike a function it cannot wait until it is used, so the library does not load.
extern int nobody_has_this_data;
int unresolved_data_read(void) { return nobody_has_this_data; }
