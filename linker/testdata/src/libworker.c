// A library with a thread of its own, which a constructor may start and the destructor stops and joins. Before it ends, the
// thread may use the linker; main_value tells the constructor what to do.
#include <lockstep/dlfcn.h>

#include "fixture.h"
#include "pthread.h"

enum { START = 50, START_AND_WAIT = 51 };                    // what main_value asks the constructor for
enum { END, FIND, OPEN, ADDRESS, ALLOCATE, STAY };           // what the thread does when it is stopped
static int started, up, stop, how, found;
static pthread_t thread;

static void wait_while(int *word, int value) {
  while (__atomic_load_n(word, __ATOMIC_SEQ_CST) == value) __builtin_wasm_memory_atomic_wait32(word, value, -1);
}

static void set(int *word, int value) {
  __atomic_store_n(word, value, __ATOMIC_SEQ_CST);
  __builtin_wasm_memory_atomic_notify(word, -1);
}

static int never;

static void *work(void *argument) {
  set(&up, 1);
  wait_while(&stop, 0);
  Dl_info info;
  switch (how) {
    case FIND: found = dlsym(RTLD_DEFAULT, "main_triple") != 0; break; // nobody has its pointer yet
    case OPEN: found = dlopen("libcounter.wasm", RTLD_NOW) != 0; break;
    case ADDRESS: found = dladdr(&up, &info); break;
    case ALLOCATE: free(malloc(100000)); found = 1; break;
    case STAY: wait_while(&never, 0);
  }
  return argument;
}

static int start(void) {
  int error = pthread_create(&thread, work, (void *)7);
  started = !error;
  return error;
}

__attribute__((constructor)) static void construct(void) {
  if (main_value == START || main_value == START_AND_WAIT) log_append(start());
  if (main_value == START_AND_WAIT) wait_while(&up, 0);
}

// stop_and_join returns what the thread returned.
static int stop_and_join(void) {
  void *result = 0;
  set(&stop, 1);
  if (started) pthread_join(thread, &result);
  started = 0;
  return (int)result;
}

__attribute__((destructor)) static void destroy(void) {
  if (!started) return;
  stop_and_join();
  log_append(100 * how + found);
}

int worker_start(int what) {
  how = what;
  int error = start();
  if (!error) wait_while(&up, 0);
  return error;
}
int worker_join(void) {
  wait_while(&up, 0);
  return stop_and_join();
}
