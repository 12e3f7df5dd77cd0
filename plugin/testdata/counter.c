// A plug-in for the tests, built as two versions.
#include <stdlib.h>
#include <string.h>

#ifndef VERSION
#define VERSION 1
#endif

static unsigned calls; // one for all threads

int version(void) {
  __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
  return VERSION;
}
unsigned counted(void) { return __atomic_load_n(&calls, __ATOMIC_RELAXED); }
char *greet(const char *name) {
  char *text = malloc(strlen(name) + sizeof "hello, ");
  return strcat(strcpy(text, VERSION == 1 ? "hello, " : "salve, "), name);
}
