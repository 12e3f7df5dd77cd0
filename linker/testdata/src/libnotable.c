// Neither table nor stack pointer nor memory is used.
int notable_add(int a, int b) { return a + b; }
