// What libdtor needs: its destructor runs after those of libdtor, in which its functions still work.
#include "fixture.h"

static int value = 1;
int dtor_base_value(void) { return value; }
__attribute__((destructor)) static void destroy(void) {
  value = -1;
  log_append(603);
}

int atexit(void (*function)(void));
static void at_exit(void) { log_append(604); }
int dtor_base_atexit(void) { return atexit(at_exit); }
