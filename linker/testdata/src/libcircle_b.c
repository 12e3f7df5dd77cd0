// The other half of the circle; see libcircle_a.c.
#include "fixture.h"

extern int circle_a_value;
int circle_a(int x);

int circle_b_value = 2;
int *circle_b_to_a = &circle_a_value;
static unary circle_b_function_a = circle_a;

__attribute__((constructor)) static void construct(void) { log_append(22); }
int circle_b(int x) { return x <= 0 ? circle_b_value : 1 + circle_a(x - 1); }
int circle_b_reads_a(void) { return *circle_b_to_a; } // 1
unary circle_b_address_of_a(void) { return circle_b_function_a; }
