// Initialised data that holds addresses: each needs a relocation when the library is placed.
#include "fixture.h"

int data_value = 42;
static int data_private[8] = {0, 1, 2, 3, 4, 5, 6, 7};
static int data_private_square(int x) { return x * x; }
int data_add(int x) { return x + data_value; }

extern int other_value, other_array[4];
int other_add(int x);

// Into its own data.
int *data_to_value = &data_value;
int *data_to_private = &data_private[5];
int **data_to_pointer = &data_to_value;
// Into the data of another library and of the main module.
int *data_to_other = &other_value;
int *data_to_other_element = &other_array[2];
int *data_to_main = &main_value;
// Function pointers: private, exported here, another library's, the main module's.
unary data_functions[4] = {data_private_square, data_add, other_add, main_twice};
// In read-only data.
static unary const data_constant_functions[2] = {data_private_square, other_add};

// A pointer that was changed at run time stays changed when another group is added.
void data_move(void) { data_to_private = &data_private[6]; }

int data_read_value(void) { return *data_to_value; }             // 42
int data_read_private(void) { return *data_to_private; }         // 5; after data_move 6
int data_read_pointer(void) { return **data_to_pointer; }        // 42
int data_read_other(void) { return *data_to_other; }             // 11
int data_read_other_element(void) { return *data_to_other_element; } // 22
int data_read_main(void) { return *data_to_main; }               // 7
unary data_function(int i) { return data_functions[i & 3]; }
unary data_constant_function(int i) { return ((unary const volatile *)data_constant_functions)[i & 1]; }
int data_call(int i, int x) { return data_functions[i & 3](x); } // x*x, x+42, x+1000, 2x
