// Destructors of a library that needs another one: they run when it is unloaded, in reverse order, before those of
// the library that it needs.
#include "fixture.h"

int dtor_base_value(void);
extern void *__dso_handle;
int __cxa_atexit(void (*function)(void *), void *argument, void *dso);

__attribute__((destructor(200))) static void last(void) { log_append(602); }
__attribute__((destructor(300))) static void first(void) { log_append(600 + dtor_base_value()); } // 601

static void logged(void *argument) { log_append((int)argument); }
// Registers a destructor at run time, as C++ does for a static object of a function.
int dtor_register(int value) { return __cxa_atexit(logged, (void *)value, &__dso_handle); }
