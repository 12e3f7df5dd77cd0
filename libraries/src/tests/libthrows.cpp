#include "throws.h"

static int destroyed;

struct Counted {
  ~Counted() { destroyed++; }
};

void hurl(int how) {
  static Worse kept(8);
  switch (how) {
  case 0: throw 7;
  case 1: throw Fault(21);
  case 2: throw Worse(22);
  case 3: throw static_cast<Fault *>(&kept);
  case 4: throw &kept;
  case 5: throw Both();
  case 6: throw Hidden();
  case 7: throw Colour::green;
  case 8: (void)std::vector<int>(3).at(4); break;
  case 9: throw Mine("mine");
  case 10: throw std::string("a string that is longer than a short one");
  case 11:
    try {
      throw Fault(31);
    } catch (...) {
      std::throw_with_nested(Mine("outer"));
    }
  case 12: throw "text";
  case 13: (void)std::stoi("no number"); break;
  case 14: {
    static volatile std::size_t most = static_cast<std::size_t>(-1) / 4;
    static char *volatile kept = new char[most];
    kept[0] = 1;
    break;
  }
  }
}

void through(void (*f)(int), int n) {
  Counted one;
  try {
    Counted two;
    f(n);
  } catch (const Worse &) {
    Counted three;
    throw;
  }
}

int unwound(void) { return destroyed; }
