// A diamond of needed libraries: top needs left and right, both need bottom, which is loaded once.
#include "fixture.h"

static int count;
__attribute__((constructor)) static void construct(void) { log_append(14); }
int diamond_bottom(void) { return ++count; }
