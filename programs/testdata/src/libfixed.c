// The library that fixed.c names.
#include <stdio.h>

extern int own_value;
int own(int x);
int side_value = 5;
int (*own_function)(int) = own;

__attribute__((constructor)) static void begin(void) { printf("library: constructor sees %d\n", own_value); }
__attribute__((destructor)) static void end(void) { printf("library: destructor sees %d\n", own_value); }

int side(int x) { return x * side_value + own_function(own_value++); }
