// Exceptions with nothing but what the compiler itself needs: one object, thrown by the instruction.
extern "C" {
int trace;
static void note(int n) { trace = trace * 31 + n; }

void *__cxa_begin_catch(void *e) noexcept { note(1); return e; }
void __cxa_end_catch() { note(2); }
[[noreturn]] void __cxa_rethrow() { note(3); __builtin_wasm_throw(0, (void *)8); }
[[noreturn]] void __clang_call_terminate(void *) { __builtin_trap(); }
int __gxx_wasm_personality_v0(...) { return 0; }
}
namespace std { [[noreturn]] void terminate() noexcept { __builtin_trap(); } }

static int countdown;
__attribute__((noinline)) void may(int n) {
  note(10 + n);
  if (countdown-- == 0) __builtin_wasm_throw(0, (void *)4);
}
struct Guard {
  int n;
  __attribute__((noinline)) Guard(int n) : n(n) { may(n); }
  __attribute__((noinline)) ~Guard() { note(100 + n); }
};

static int nested(int depth) {
  Guard g(depth);
  try {
    may(20 + depth);
    Guard h(30 + depth);
    try {
      may(40);
      Guard i(41);
      may(42);
    } catch (...) {
      Guard j(43);
      may(44);
      throw;
    }
    may(45);
  } catch (...) {
    Guard k(50);
    if (depth > 0) return nested(depth - 1) + 1;
    may(51);
  }
  may(60);
  return 0;
}

static int loops(int n) {
  int sum = 0;
  for (int i = 0; i < n; i++) {
    try {
      Guard g(i);
      if (i == 1) continue;
      may(70 + i);
      if (i == 3) break;
      for (int k = 0; k < 2; k++) {
        try {
          may(80 + k);
          if (k == 1 && i == 2) return sum;
        } catch (...) {
          sum += 5;
          if (i == 0) break;
        }
      }
    } catch (...) {
      sum += 10;
      switch (i) {
      case 0: may(90); break;
      case 2: throw;
      default: may(91);
      }
    }
  }
  return sum;
}

static int all(int way) {
  Guard outer(7);
  switch (way) {
  case 0: return nested(0);
  case 1: return nested(2);
  case 2: return loops(5);
  default:
    try {
      Guard g(8);
      return loops(3) + nested(1);
    } catch (...) {
      may(99);
      return loops(2);
    }
  }
}

// What happens when the n-th call that may throw does: whether anything comes out, and the order of all that ran.
extern "C" __attribute__((visibility("default"))) int run(int way, int n) {
  trace = 0;
  countdown = n;
  try {
    note(all(way));
  } catch (...) {
    note(4);
  }
  return trace;
}
