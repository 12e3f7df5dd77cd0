// A chain of needed libraries: chain_a, chain_b, chain_c. Constructors run from the end of the chain.
#include "fixture.h"

__attribute__((constructor)) static void construct(void) { log_append(3); }
int chain_c(int x) { return x + 3; }
