// A program at fixed addresses that names a library: each uses the other's functions, data and function pointers.
#include <stdio.h>

extern int side_value;
int side(int x);
int own_value = 9;
int *own_pointer = &own_value, *side_pointer = &side_value;
int (*side_function)(int) = side;

__attribute__((constructor)) static void begin(void) { printf("main: constructor sees %d\n", *side_pointer); }

int own(int x) { return x + own_value; }

int main(void) {
  printf("main: %d %d %d %d\n", side(4), side_function == side, *side_pointer, *own_pointer);
  return 0;
}
