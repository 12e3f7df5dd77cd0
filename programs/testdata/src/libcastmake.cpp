// Makes objects, which libcastask asks what they are.
#include <typeinfo>

#include "cast.h"

extern "C" Shape *make(int square) {
  counter()++;
  static Square s;
  static Circle c;
  return square ? static_cast<Shape *>(&s) : &c;
}
extern "C" const void *make_type(void) { return &typeid(Square); }
