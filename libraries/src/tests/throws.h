// What one library throws and the other one catches. All of it is inline: each library has its own copy of the types'
// descriptions, and a program has one.
#pragma once
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

struct Fault {
  int code;
  explicit Fault(int code) : code(code) {}
  virtual ~Fault() {}
  virtual const char *name() const { return "fault"; }
};
struct Worse : Fault {
  using Fault::Fault;
  const char *name() const override { return "worse"; }
};
struct Left : virtual Fault {
  Left() : Fault(1) {}
};
struct Right : virtual Fault {
  Right() : Fault(2) {}
};
struct Both : Left, Right {
  Both() : Fault(3) {}
  const char *name() const override { return "both"; }
};
struct Hidden : private Fault {
  Hidden() : Fault(4) {}
};
enum class Colour { red = 5, green };
struct Mine : std::runtime_error {
  using std::runtime_error::runtime_error;
};

extern "C" {
void hurl(int how);                       // libthrows
void through(void (*f)(int), int n);       // the same: calls back, and counts what its objects' destructors do
int unwound(void);
void catches(void (*hurl)(int), int how); // libcatches: says what was caught
}
