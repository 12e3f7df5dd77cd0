// A side of the diamond; see libdiamond_bottom.c.
#include "fixture.h"

int diamond_bottom(void);
__attribute__((constructor)) static void construct(void) { log_append(12); }
int diamond_left(void) { return 100 * (12 - 10) + diamond_bottom(); }
