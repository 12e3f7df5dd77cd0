// How a program begins and ends: each step says so, through buffered output.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dl.h"

__attribute__((constructor)) static void begin(void) { puts("main: constructor"); }
__attribute__((destructor)) static void end(void) { puts("main: destructor"); }
static void handler(void) { puts("main: handler"); }

int run(const char *how) {
  atexit(handler);
  void *lib = dlopen("liblife.so", RTLD_NOW);
  if (!lib) {
    puts(dlerror());
    return 1;
  }
  ((void (*)(void))dlsym(lib, "work"))();
  puts("main: ends");
  if (!strcmp(how, "exit")) exit(3);
  if (!strcmp(how, "library exits")) ((void (*)(void))dlsym(lib, "leave"))();
  if (!strcmp(how, "_Exit")) {
    fflush(stdout);
    _Exit(4);
  }
  return strcmp(how, "return 5") ? 0 : 5;
}

#ifndef NO_MAIN
int main(int argc, char **argv) { return run(argc > 1 ? argv[1] : ""); }
#endif
