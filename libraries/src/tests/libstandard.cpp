// What the standard says of exceptions and threads, over two libraries and the main module's libc++: the same here as
// natively (see native.sh). A library exports run.
#include "throws.h"

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <sstream>
#include <thread>

static void across() {
  for (int how = 0; how <= 15; how++) catches(hurl, how);
  int before = unwound();
  catches([](int n) { through(hurl, n); }, 2);
  std::printf("  unwound %d\n", unwound() - before);
  before = unwound();
  catches([](int n) { through([](int m) { through(hurl, m); }, n); }, 1);
  std::printf("  unwound %d\n", unwound() - before);
}

struct Quiet {
  int *at;
  ~Quiet() { *at = std::uncaught_exceptions(); }
};

static void states() {
  int during = -1, after;
  try {
    Quiet q{&during};
    hurl(1);
  } catch (...) {
    after = std::uncaught_exceptions();
    std::printf("  uncaught %d, then %d\n", during, after);
  }
  std::exception_ptr kept;
  try {
    hurl(9);
  } catch (...) {
    kept = std::current_exception();
  }
  for (int i = 0; i < 2; i++) {
    try {
      std::rethrow_exception(kept);
    } catch (const Mine &m) {
      std::printf("  again: %s\n", m.what());
    }
  }
  std::function<int()> f;
  try {
    f();
  } catch (const std::bad_function_call &) {
    std::printf("  no function\n");
  }
  try {
    std::shared_ptr<int>(std::weak_ptr<int>());
  } catch (const std::bad_weak_ptr &) {
    std::printf("  no object\n");
  }
}

constexpr int N = 6, times = 200;

static std::atomic<int> locals, made;

struct Local {
  int n = 0;
  ~Local() { locals += n; }
};
static thread_local Local local;

struct Slow {
  Slow() {
    std::this_thread::yield();
    made++;
  }
};
static Slow &once() {
  static Slow s;
  return s;
}

static void threads() {
  std::mutex m;
  int counted = 0;
  std::vector<std::thread> list;
  for (int i = 0; i < N; i++)
    list.emplace_back([&] {
      once();
      Local &mine = local; // clang 22 loses the registration of its destructor if this is its first use, in the handler
      for (int k = 0; k < times; k++) {
        try {
          std::lock_guard hold(m);
          counted++;
          if (k % 50 == 0) hurl(2);
        } catch (const Fault &f) {
          mine.n += f.code;
        }
      }
    });
  for (auto &t : list) t.join();
  std::printf("  counted %d, locals %d, made %d\n", counted, locals.load(), made.load());

  auto result = std::async(std::launch::async, [] { return 17; });
  auto fails = std::async(std::launch::async, []() -> int { hurl(5); return 0; });
  std::printf("  future %d\n", result.get());
  try {
    std::printf("  %d\n", fails.get());
  } catch (const Fault &f) {
    std::printf("  future: %s %d\n", f.name(), f.code);
  }
  std::promise<int> broken;
  auto never = broken.get_future();
  { auto gone = std::move(broken); }
  try {
    std::printf("  %d\n", never.get());
  } catch (const std::future_error &e) {
    std::printf("  broken promise: %d\n", e.code() == std::future_errc::broken_promise);
  }

  std::condition_variable_any c;
  std::shared_mutex s;
  int turn = 0;
  std::thread other([&] {
    std::unique_lock hold(s);
    c.wait(hold, [&] { return turn == 1; });
    turn = 2;
    c.notify_all();
  });
  {
    std::unique_lock hold(s);
    turn = 1;
    c.notify_all();
    c.wait(hold, [&] { return turn == 2; });
  }
  other.join();
  std::timed_mutex timed;
  std::lock_guard held(timed);
  std::thread([&] { std::printf("  in time: %d\n", timed.try_lock_for(std::chrono::milliseconds(2))); }).join();
  std::once_flag flag;
  int calls = 0;
  for (int i = 0; i < 3; i++) {
    try {
      std::call_once(flag, [&] {
        if (++calls < 2) hurl(0);
      });
    } catch (int n) {
      std::printf("  not yet: %d\n", n);
    }
  }
  std::ostringstream text;
  text << "  calls " << calls << ", " << 2.5 << ", " << std::hex << 255 << "\n";
  std::fputs(text.str().c_str(), stdout);
}

extern "C" int run(void) {
  std::puts("across"), across();
  std::puts("states"), states();
  std::puts("threads"), threads();
  std::fflush(stdout);
  return 0;
}

extern "C" void escapes(int how) { hurl(how); }
extern "C" void terminates(void) noexcept { hurl(1); }

#ifdef NATIVE
int main() { return run(); }
#endif
