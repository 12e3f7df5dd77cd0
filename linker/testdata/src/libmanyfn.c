// Sixty-four function pointers in initialised data: sixty-four slots of the table.
#include "fixture.h"

#define F(n) static int f##n(int x) { return x + n; }
#define EIGHT(M, a) M(a##0) M(a##1) M(a##2) M(a##3) M(a##4) M(a##5) M(a##6) M(a##7)
#define ALL(M) EIGHT(M, 1) EIGHT(M, 2) EIGHT(M, 3) EIGHT(M, 4) EIGHT(M, 5) EIGHT(M, 6) EIGHT(M, 7) EIGHT(M, 8)
ALL(F)
#define P(n) f##n,
static unary functions[64] = {ALL(P)};
unary manyfn_address(int i) { return functions[i & 63]; }
int manyfn_call(int i, int x) { return functions[i & 63](x); } // x + 10*(i/8+1) + i%8
