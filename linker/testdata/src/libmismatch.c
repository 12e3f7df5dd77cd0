// Imports a function of the main module with another signature: peek32 is int(int).
double peek32(long long a, float b);
double mismatch_call(void) { return peek32(1, 2); }
