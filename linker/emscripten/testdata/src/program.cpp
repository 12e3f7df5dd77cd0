// A main module as Emscripten makes them: longjmp and C++ exceptions in JavaScript style, and the
// functions that the host calls.
#include "runtime.h"

struct jump {
  void *id;
  u32 label;
  void *env;
  int value;
};
typedef jump jmp_buf[1];
extern "C" int setjmp(jmp_buf) __attribute__((returns_twice));
extern "C" void longjmp(jmp_buf, int) __attribute__((noreturn));

static jmp_buf where;
static __attribute__((noinline)) void jumps(int x) {
  if (x > 5)
    longjmp(where, x);
}
// returns x, or 100 + x by way of longjmp
EXPORT(jumped) int jumped(int x) {
  int r = setjmp(where);
  if (r)
    return 100 + r;
  jumps(x);
  return x;
}
EXPORT(jump_nowhere) void jump_nowhere(void) { longjmp(where, 1); }

// ---- Exceptions.

struct Small {
  int value;
};
struct Other {
  int value;
};

// Type information needs the address of a table that libc++abi has.
extern "C" {
void *_ZTVN10__cxxabiv117__class_type_infoE[4];
}

static int destroyed;
struct Guard {
  ~Guard() { destroyed++; }
};
static __attribute__((noinline)) void thrower(int x) {
  if (x == 1)
    throw Small{7};
  if (x == 2)
    throw Other{8};
}
static __attribute__((noinline)) void between(int x) {
  Guard g;
  thrower(x);
}
// 0: nothing is thrown; 1: Small is caught here; 2: Other goes on to the caller
EXPORT(caught) int caught(int x) {
  try {
    between(x);
  } catch (Small &s) {
    return 10 + s.value;
  }
  return 0;
}
EXPORT(rethrown) int rethrown(int x) {
  try {
    try {
      between(x);
    } catch (...) {
      destroyed += 100;
      throw;
    }
  } catch (Other &o) {
    return 20 + o.value;
  } catch (Small &s) {
    return 30 + s.value;
  }
  return 0;
}
EXPORT(destroyed_objects) int destroyed_objects(void) { return destroyed; }

// ---- The rest.

static u32 length(const char *s) {
  u32 n = 0;
  while (s[n])
    n++;
  return n;
}
static void print(int fd, const char *s) {
  iovec v[2] = {{s, length(s)}, {"\n", 1}};
  u32 written;
  fd_write(fd, v, 2, &written);
}
static int equal(const char *a, const char *b) {
  for (; *a && *a == *b; a++, b++)
    ;
  return *a == *b;
}

EXPORT(__main_argc_argv) int program(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    if (equal(argv[i], "exit"))
      host_exit(argc);
    if (equal(argv[i], "assert"))
      assert_fail("x > 0", "program.cpp", 7, "main");
    if (equal(argv[i], "trap"))
      __builtin_trap();
    if (equal(argv[i], "nobody"))
      return nobodys_function(argc);
    print(1, argv[i]);
  }
  print(2, argv[0]);
  return argc;
}

struct dso {
  int pad, flags;
  int more[7];
  char name[64];
};
static dso opened;
// opens a library by its own dlopen, and calls its function twice(x)
EXPORT(open_and_call) int open_and_call(const char *name, int x) {
  opened.flags = 2;
  for (u32 i = 0; i < 63 && (opened.name[i] = name[i]); i++)
    ;
  if (!dlopen_js(&opened))
    return -1;
  int index = 0;
  int (*twice)(int) = (int (*)(int))dlsym_js(&opened, "twice", &index);
  return twice ? twice(x) : -2;
}

EXPORT(run_block) int run_block(u32 code, int x) {
  struct {
    int i;
    double d;
    long long j;
  } args = {x, 0.5, 1ll << 40};
  return asm_const_int((const char *)code, "idj", &args);
}
EXPORT(main_value) int main_value(void) { return 21; }
