// Preloaded: its constructor runs before the main module's.
#include "fixture.h"

int main_constructed(void);
__attribute__((constructor)) static void construct(void) { log_append(500 + main_constructed()); }
int early_value(void) { return 5; }
