// A program that was not linked to load anything: it exports neither its function table nor its stack pointer, nor its allocator.
#include <stdio.h>
#include "dl.h"

int main(void) {
  void *lib = dlopen("libpointers.so", RTLD_NOW);
  if (!lib) return puts(dlerror()), 1;
  int (*(*get)(int))(int) = (int (*(*)(int))(int))dlsym(lib, "get");
  printf("%d %d %d\n", get(0)(20), get(1)(20), get(2)(20));
  return dlclose(lib);
}
