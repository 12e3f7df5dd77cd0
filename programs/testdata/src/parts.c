// The libraries that scenarios.c opens: each is this file, compiled with its own PART.
#include <stdio.h>
#include <stdlib.h>
#include "dl.h"

#define TELLS(name)                                                     \
  __attribute__((constructor)) static void up(void) { puts(name " +"); } \
  __attribute__((destructor)) static void down(void) { puts(name " -"); }
typedef int (*function)(void);

#if defined(PART_base)
TELLS("base")
int base_count = 1;
int base_value(void) { return base_count; }
int which(void) { return 1; }
int twice(int x) { return 2 * x; }

#elif defined(PART_left) // needs base
TELLS("left")
extern int base_count;
int which(void) { return 2; }
int left_add(void) { return ++base_count; }

#elif defined(PART_right) // needs base
TELLS("right")
extern int base_count;
int which(void);
int right_add(void) { return base_count += 10; }
int right_which(void) { return which(); }

#elif defined(PART_top) // needs left and right
TELLS("top")
int left_add(void), right_add(void), which(void);
int top_add(void) { return left_add() * 1000 + right_add(); }
int top_which(void) { return which(); }

#elif defined(PART_self)
TELLS("self")
int self_only(void) { return 5; }
int self_default(void) {
  function f = (function)dlsym(RTLD_DEFAULT, "self_only");
  return f ? f() : -1;
}
int self_finds_base(void) {
  function f = (function)dlsym(RTLD_DEFAULT, "base_value");
  return f ? f() : -1;
}

#elif defined(PART_helper)
TELLS("helper")
int callback(int x);
int help(int x) { return callback(x) + 1; }

#elif defined(PART_plugin) // needs helper
TELLS("plugin")
int help(int x);
int callback(int x) { return 10 * x; }
int plugin(void) { return help(4); }

#elif defined(PART_wants)
extern int perhaps(void) __attribute__((weak));
extern int perhaps_value __attribute__((weak));
int has_function(void) { return perhaps != 0; }
int has_value(void) { return &perhaps_value != 0; }
int calls_it(void) { return perhaps ? perhaps() : -1; }

#elif defined(PART_offers)
int perhaps(void) { return 77; }
int perhaps_value = 3;

#elif defined(PART_first)
int shared_answer(void) { return 1; }
int shared_value = 1;

#elif defined(PART_second)
int shared_answer(void) { return 2; }
int shared_value = 2;

#elif defined(PART_asks) // needs second
int shared_answer(void);
extern int shared_value;
int sees(void) { return shared_answer() * 10 + shared_value; }

#elif defined(PART_incomplete)
TELLS("incomplete")
int nobody_has_this(void);
function pointer = nobody_has_this;
int incomplete(void) { return 1; }

#elif defined(PART_orphan) // needs base and a library that is not there
TELLS("orphan")

#elif defined(PART_gone)
int gone;

#elif defined(PART_opener)
static void *base;
__attribute__((constructor)) static void up(void) {
  base = dlopen("libbase.so", RTLD_NOW | RTLD_GLOBAL);
  puts(base ? "opener + with base" : "opener + alone");
}
__attribute__((destructor)) static void down(void) { puts("opener -"); }
int close_base(void) { return dlclose(base); }

#elif defined(PART_ring1) // needs ring2
int ring2_value(void);
int ring1_count = 1;
int ring1_value(void) { return ring1_count; }
int ring1_both(void) { return ring2_value() * 10 + ring1_value(); }

#elif defined(PART_ring2) // needs ring1
int ring1_value(void);
extern int ring1_count;
int *ring_pointer = &ring1_count;
int ring2_value(void) { return ring1_value() + ring1_count; }
int ring2_both(void) { return *ring_pointer + ring1_value(); }

#elif defined(PART_pointers) // needs base
int twice(int x);
typedef int (*unary)(int);
static unary table[] = {twice};
int direct_is(void *p) { return (void *)twice == p; }
int table_is(void *p) { return (void *)table[0] == p; }
int calls_table(void) { return table[0](21); }

#elif defined(PART_handlers)
TELLS("handlers")
static void one(void) { puts("handler 1"); }
static void two(void) { puts("handler 2"); }
int register_both(void) { return atexit(one) + atexit(two); }

#elif defined(PART_threadlocal)
static __thread int count = 5;
int next_count(void) { return ++count; }

#elif defined(PART_priorities)
#define AT(n)                                                                              \
  __attribute__((constructor(n))) static void up##n(void) { puts("constructor " #n); } \
  __attribute__((destructor(n))) static void down##n(void) { puts("destructor " #n); }
AT(201) AT(102)
TELLS("priorities")

#elif defined(PART_runpath) // has a run-time path
int opens_inner(void) {
  void *inner = dlopen("libinner.so", RTLD_NOW);
  function f = inner ? (function)dlsym(inner, "inner") : 0;
  return f ? f() : -1;
}

#elif defined(PART_inner) // in the folder aside
int inner(void) { return 3; }

#elif defined(PART_closer)
static void *base;
__attribute__((constructor)) static void up(void) { base = dlopen("libbase.so", RTLD_NOW); }
__attribute__((destructor)) static void down(void) { printf("closer - closes base: %d\n", dlclose(base)); }
int closer(void) { return base != 0; }

#elif defined(PART_itself)
int opens_itself(void) {
  void *self = dlopen("libitself.so", RTLD_NOW | RTLD_NOLOAD);
  return self && dlsym(self, "opens_itself") == (void *)opens_itself && !dlclose(self);
}
#endif
