// A program that was not linked to load anything: it exports neither its function table nor its stack pointer, nor its allocator.
#include <stdio.h>
#include "dl.h"

static int modules, sized;
static int counts(struct dl_phdr_info *info, unsigned long size, void *data) {
  modules++;
  sized += size == sizeof *info && info->dlpi_phnum == 1 && info->dlpi_phdr->memsz > 0 && *info->dlpi_name;
  return modules == *(int *)data ? 7 : 0;
}

int main(void) {
  void *lib = dlopen("libpointers.so", RTLD_NOW);
  if (!lib) return puts(dlerror()), 1;
  int (*(*get)(int))(int) = (int (*(*)(int))(int))dlsym(lib, "get");
  printf("%d %d %d\n", get(0)(20), get(1)(20), get(2)(20));
  int all = 99, one = 1;
  int r = dl_iterate_phdr(counts, &all);
  printf("%d %d %d\n", r, modules, sized);
  modules = 0;
  r = dl_iterate_phdr(counts, &one);
  printf("%d %d\n", r, modules);
  return dlclose(lib);
}
