// A chain of needed libraries: chain_a, chain_b, chain_c. Constructors run from the end of the chain.
#include "fixture.h"

__attribute__((constructor)) static void construct(void) { log_append(2); }
int chain_c(int x);
int chain_b(int x) { return 10 * chain_c(x) + 2; }
