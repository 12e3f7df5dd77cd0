// A library that life.c opens.
#include <stdio.h>
#include <stdlib.h>

__attribute__((constructor)) static void begin(void) { puts("library: constructor"); }
__attribute__((destructor)) static void end(void) { puts("library: destructor"); }
static void handler(void) { puts("library: handler"); }

void work(void) {
  puts("library: works");
  atexit(handler);
}

void leave(void) { exit(6); }
