// A side of the diamond; see libdiamond_bottom.c.
#include "fixture.h"

int diamond_bottom(void);
__attribute__((constructor)) static void construct(void) { log_append(13); }
int diamond_right(void) { return 100 * (13 - 10) + diamond_bottom(); }
