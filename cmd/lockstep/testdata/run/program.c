// A program for the tests of "lockstep run": its first argument says what it does.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <lockstep/dlfcn.h>

__attribute__((import_module("env"), import_name("absent"))) int absent(int);

static int open_and_call(const char *file) {
  void *library = dlopen(file, RTLD_NOW);
  if (!library) return puts(dlerror()), 3;
  int (*answer)(void) = (int (*)(void))dlsym(library, "answer");
  if (!answer) return puts(dlerror()), 4;
  printf("answer: %d\n", answer());
  return 0;
}

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "";
  if (!strcmp(what, "arguments")) {
    for (int i = 0; i < argc; i++) printf("%d: %s\n", i, argv[i]);
  } else if (!strcmp(what, "variable")) {
    const char *value = getenv(argv[2]);
    puts(value ? value : "(unset)");
  } else if (!strcmp(what, "file")) {
    char line[100];
    FILE *file = fopen(argv[2], "r");
    if (!file) return puts("no such file"), 5;
    fputs(fgets(line, sizeof line, file) ? line : "(empty)\n", stdout);
  } else if (!strcmp(what, "exit")) {
    exit(atoi(argv[2]));
  } else if (!strcmp(what, "return")) {
    return atoi(argv[2]);
  } else if (!strcmp(what, "trap")) {
    __builtin_trap();
  } else if (!strcmp(what, "absent")) {
    return absent(1);
  } else if (!strcmp(what, "open")) {
    return open_and_call(argv[2]);
  } else if (!strcmp(what, "loop")) {
    for (volatile int i = 0;; i++) {}
  }
  return 0;
}
