// Functions that nobody has. The library loads; only calling one of them fails.
#include "fixture.h"

int nobody_has_this(int x);
int nobody_has_that(double x, long long y);
int unresolved_fine(int x) { return x + 1; }
int unresolved_call(int x) { return nobody_has_this(x); }
int unresolved_call_other(int x) { return nobody_has_that(x, x); }
unary unresolved_address(void) { return nobody_has_this; }
