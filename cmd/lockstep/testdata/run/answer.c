// A library for the tests of "lockstep run".
int answer(void) { return 42; }
