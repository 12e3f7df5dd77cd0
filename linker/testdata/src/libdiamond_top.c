// The top of the diamond; see libdiamond_bottom.c.
#include "fixture.h"

int diamond_left(void);
int diamond_right(void);
__attribute__((constructor)) static void construct(void) { log_append(11); }
int diamond_top(void) { return 1000 * diamond_left() + diamond_right(); } // 201302 at first
