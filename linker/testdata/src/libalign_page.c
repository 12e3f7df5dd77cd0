// Data aligned to a WebAssembly page.
#include "fixture.h"

__attribute__((aligned(65536))) static int page_aligned[4] = {1, 2, 3, 4};
int *align_page64_address(void) { return page_aligned; }
int align_page64_next(int i) { return ++page_aligned[i & 3]; }
