// Two libraries that need each other: functions, data, and data that points at each other's data.
#include "fixture.h"

extern int circle_b_value;
int circle_b(int x);

int circle_a_value = 1;
int *circle_a_to_b = &circle_b_value;
static unary circle_a_function_b = circle_b;

__attribute__((constructor)) static void construct(void) { log_append(21); }
int circle_a(int x) { return x <= 0 ? circle_a_value : 1 + circle_b(x - 1); }
int circle_a_reads_b(void) { return *circle_a_to_b; } // 2
unary circle_a_address_of_b(void) { return circle_a_function_b; }
