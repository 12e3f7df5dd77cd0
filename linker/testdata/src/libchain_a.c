// A chain of needed libraries: chain_a, chain_b, chain_c. Constructors run from the end of the chain.
#include "fixture.h"

__attribute__((constructor)) static void construct(void) { log_append(1); }
int chain_b(int x);
int chain_a(int x) { return 10 * chain_b(x) + 1; }
