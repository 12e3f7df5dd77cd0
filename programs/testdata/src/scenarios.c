// What C programs expect of dlopen, dlsym, dlclose and dlerror, one scenario after the other. native.sh records what the
// machine's own linker makes of it.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dl.h"

typedef int (*function)(void);
static void *program;

static void *opens(const char *name, int flags) {
  char file[64];
  snprintf(file, sizeof file, "lib%s.so", name);
  dlerror();
  void *lib = dlopen(file, flags);
  printf("open %s: %s\n", name, lib ? "ok" : "fails");
  if (!lib) {
    int first = dlerror() != 0, second = dlerror() != 0;
    printf("dlerror says something: %d, then %d\n", first, second);
  }
  return lib;
}
static void closes(void *lib) {
  if (lib) printf("close: %s\n", dlclose(lib) ? "fails" : "ok");
}
static void calls(void *lib, const char *name) {
  function f = lib || !program ? (function)dlsym(lib, name) : 0;
  if (f) printf("%s() = %d\n", name, f());
  else printf("%s: not found, dlerror says something: %d\n", name, dlerror() != 0);
}
static void loaded(const char *name) {
  char file[64];
  snprintf(file, sizeof file, "lib%s.so", name);
  void *lib = dlopen(file, RTLD_LAZY | RTLD_NOLOAD);
  printf("%s is %s\n", name, lib ? "loaded" : "not loaded");
  if (lib) dlclose(lib);
  dlerror();
}
#define SCENARIO(name) puts("== " name);

int run(void) {
  program = dlopen(NULL, RTLD_NOW);

  SCENARIO("diamond") {
    void *top = opens("top", RTLD_NOW);
    calls(top, "top_add"), calls(top, "which"), calls(top, "base_value");
    closes(top), loaded("base");
  }
  SCENARIO("the first definition of a group is everybody's in it") {
    void *top = opens("top", RTLD_NOW);
    calls(top, "top_which"), calls(top, "right_which");
    closes(top);
  }
  SCENARIO("global symbols are the program's while they are there") {
    void *base = opens("base", RTLD_NOW | RTLD_GLOBAL);
    calls(program, "which"), closes(base), calls(program, "which");
  }
  SCENARIO("two groups share what both need") {
    void *left = opens("left", RTLD_NOW), *right = opens("right", RTLD_NOW);
    calls(left, "left_add"), calls(right, "right_add"), calls(left, "left_add");
    closes(left), loaded("base"), calls(right, "right_add"), closes(right), loaded("base");
  }
  SCENARIO("a library that comes back is a new one") {
    void *left = opens("left", RTLD_NOW);
    calls(left, "left_add"), calls(left, "left_add"), closes(left);
    left = opens("left", RTLD_NOW);
    calls(left, "left_add"), closes(left);
  }
  SCENARIO("openings are counted") {
    void *one = opens("base", RTLD_NOW), *two = opens("base", RTLD_NOW);
    printf("the same handle: %d\n", one == two);
    closes(one), loaded("base"), calls(two, "base_value"), closes(two), loaded("base");
  }
  SCENARIO("a handle that was given up") {
    void *base = opens("base", RTLD_NOW);
    closes(base), closes(base);
  }
  SCENARIO("no load") {
    void *base = dlopen("libbase.so", RTLD_NOW | RTLD_NOLOAD);
    int said = dlerror() != 0;
    printf("handle: %d, dlerror says something: %d\n", base != 0, said);
  }
  SCENARIO("no delete") {
    void *lib = opens("threadlocal", RTLD_NOW | RTLD_NODELETE);
    calls(lib, "next_count"), closes(lib), loaded("threadlocal");
    lib = opens("threadlocal", RTLD_NOW);
    calls(lib, "next_count"), closes(lib);
  }
  SCENARIO("promotion") {
    void *local = opens("base", RTLD_NOW);
    calls(program, "base_value");
    void *global = opens("base", RTLD_NOW | RTLD_NOLOAD | RTLD_GLOBAL);
    calls(program, "base_value"), closes(local), calls(program, "base_value"), closes(global), calls(program, "base_value");
  }
  SCENARIO("the default scope of a local library") {
    void *self = opens("self", RTLD_NOW);
    calls(self, "self_default"), calls(program, "self_only"), closes(self);
  }
  SCENARIO("a look-up in the default scope keeps what it finds") {
    void *base = opens("base", RTLD_NOW | RTLD_GLOBAL), *self = opens("self", RTLD_NOW);
    calls(self, "self_finds_base"), closes(base), loaded("base"), closes(self), loaded("base");
  }
  SCENARIO("a helper calls back, bound when it is called") {
    void *plugin = opens("plugin", RTLD_LAZY);
    calls(plugin, "plugin"), closes(plugin);
  }
  SCENARIO("a helper calls back, bound at once") {
    void *plugin = opens("plugin", RTLD_NOW);
    calls(plugin, "plugin"), closes(plugin);
  }
  SCENARIO("a helper that was there calls back") {
    void *helper = opens("helper", RTLD_LAZY), *plugin = opens("plugin", RTLD_NOW);
    calls(plugin, "plugin"), closes(plugin), closes(helper);
  }
  SCENARIO("weak symbols") {
    void *wants = opens("wants", RTLD_NOW);
    calls(wants, "has_function"), calls(wants, "has_value"), calls(wants, "calls_it");
    void *offers = opens("offers", RTLD_NOW | RTLD_GLOBAL);
    calls(wants, "has_function"), closes(wants);
    wants = opens("wants", RTLD_NOW);
    calls(wants, "has_function"), calls(wants, "has_value"), calls(wants, "calls_it");
    closes(wants), closes(offers);
  }
  SCENARIO("interposition") {
    void *first = opens("first", RTLD_NOW | RTLD_GLOBAL), *asks = opens("asks", RTLD_NOW);
    calls(asks, "sees"), closes(asks);
    asks = opens("asks", RTLD_NOW), closes(first), calls(asks, "sees"), closes(asks);
    asks = opens("asks", RTLD_NOW), calls(asks, "sees"), closes(asks);
  }
  SCENARIO("local libraries do not interpose") {
    void *first = opens("first", RTLD_NOW), *asks = opens("asks", RTLD_NOW);
    calls(asks, "sees"), closes(asks), closes(first);
  }
  SCENARIO("what nobody has, bound at once") {
    closes(opens("incomplete", RTLD_NOW)), loaded("incomplete");
  }
  SCENARIO("what is needed is missing") {
    closes(opens("orphan", RTLD_NOW)), loaded("base"), loaded("orphan");
  }
  SCENARIO("a constructor opens a library") {
    void *opener = opens("opener", RTLD_NOW);
    loaded("base"), calls(program, "base_value"), calls(opener, "close_base"), loaded("base"), closes(opener);
  }
  SCENARIO("a ring") {
    void *one = opens("ring1", RTLD_NOW);
    calls(one, "ring1_both"), calls(one, "ring2_both");
    void *two = opens("ring2", RTLD_NOW);
    closes(one), calls(two, "ring2_both"), closes(two), loaded("ring1"), loaded("ring2");
  }
  SCENARIO("one function, one pointer") {
    void *lib = opens("pointers", RTLD_NOW), *twice = dlsym(lib, "twice");
    printf("%d %d\n", ((int (*)(void *))dlsym(lib, "direct_is"))(twice), ((int (*)(void *))dlsym(lib, "table_is"))(twice));
    calls(lib, "calls_table"), closes(lib);
  }
  SCENARIO("handlers of a library") {
    void *lib = opens("handlers", RTLD_NOW);
    calls(lib, "register_both"), closes(lib);
  }
  SCENARIO("priorities") closes(opens("priorities", RTLD_NOW));
  SCENARIO("names") {
    opens("nosuch", RTLD_NOW);
    void *path = dlopen("./libbase.so", RTLD_NOW), *name = opens("base", RTLD_NOW);
    printf("a path and a name are the same: %d\n", path == name);
    closes(path), closes(name), loaded("base");
  }
  SCENARIO("the program itself") {
    void *again = dlopen(NULL, RTLD_NOW);
    printf("the same handle: %d\n", again == program);
    calls(program, "no_such_symbol");
    void *base = opens("base", RTLD_NOW | RTLD_GLOBAL);
    calls(program, "base_value"), closes(base), closes(again);
  }
  SCENARIO("dlerror after a later success") {
    void *base = opens("base", RTLD_NOW);
    dlsym(base, "nothing"), dlsym(base, "base_value");
    printf("it says something: %d\n", dlerror() != 0);
    closes(base);
  }
  SCENARIO("flags") {
    void *lib = dlopen("libbase.so", 0);
    printf("none: %s\n", lib ? "ok" : "refused");
    dlerror();
  }
  SCENARIO("a library's own run-time path") {
    void *lib = opens("runpath", RTLD_NOW);
    calls(lib, "opens_inner"), closes(lib);
    printf("for others: %s\n", dlopen("libinner.so", RTLD_NOW | RTLD_NOLOAD) ? "loaded" : "not loaded");
    opens("inner", RTLD_NOW);
  }
  SCENARIO("a library opens itself") {
    void *lib = opens("itself", RTLD_NOW);
    calls(lib, "opens_itself"), closes(lib), loaded("itself");
  }
  SCENARIO("which library a pointer belongs to") {
    void *base = opens("base", RTLD_NOW);
    Dl_info f, d;
    int found = dladdr(dlsym(base, "twice"), &f) && dladdr(dlsym(base, "base_count"), &d);
    printf("%d %d %d\n", found, !strcmp(f.dli_sname, "twice"), !strcmp(d.dli_sname, "base_count"));
    printf("%d %d\n", f.dli_fbase != 0 && d.dli_fbase != 0, strstr(f.dli_fname, "libbase.so") != 0);
    closes(base);
  }
  SCENARIO("a destructor closes a library") {
    void *closer = opens("closer", RTLD_NOW);
    calls(closer, "closer"), loaded("base"), closes(closer), loaded("base");
  }
  puts("== end");
  fflush(stdout);
  return 0;
}

#ifndef __wasm__
int main(void) { return run(); }
#endif
