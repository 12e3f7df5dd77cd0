// What two C++ libraries know of each other: types whose functions are all inline, so that each library has its own
// copies of what describes them, of which one counts for a group that is loaded together.
#pragma once

struct Shape {
  virtual ~Shape() {}
  virtual int sides() const { return 0; }
};

struct Named {
  virtual ~Named() {}
  virtual const char *name() const { return "none"; }
};

struct Square : Shape, Named {
  int sides() const override { return 4; }
  const char *name() const override { return "square"; }
};

struct Circle : Shape {};

inline int &counter() {
  static int n;
  return n;
}
