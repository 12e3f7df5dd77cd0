// Thread-local objects with destructors, which C++ registers with __cxa_thread_atexit when a thread first uses one, and a
// static object, whose destructor it registers with __cxa_atexit.
extern "C" {
#include "fixture.h"
int __cxa_thread_atexit_impl(void (*function)(void *), void *argument, void *dso);
extern void *__dso_handle;
}

namespace {
struct Logged {
  int value;
  explicit Logged(int v) : value(v) {}
  ~Logged() { log_append(value); }
};
thread_local Logged first(1), second(2);
Logged shared(950);

void logged(void *argument) { log_append(int(argument)); }
void again(void *argument) { // registers another one while destructors run
  log_append(int(argument));
  __cxa_thread_atexit_impl(logged, (void *)(int(argument) + 1), &__dso_handle);
}
void trap(void *) { __builtin_trap(); }
} // namespace

extern "C" {
// Makes this thread's objects log value + 2, then value + 1, in the end.
int thread_dtor_touch(int value) {
  first.value = value + 1;
  second.value = value + 2;
  return first.value + second.value;
}
int thread_dtor_again(int value) { return __cxa_thread_atexit_impl(again, (void *)value, &__dso_handle); }
int thread_dtor_trap(int) { return __cxa_thread_atexit_impl(trap, nullptr, &__dso_handle); }
int thread_dtor_touch_and_trap(int value) {
  thread_dtor_touch(value);
  __builtin_trap();
}
}
