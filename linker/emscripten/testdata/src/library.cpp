// A library that the program opens: it needs a function of the program, and one of the host.
#include "runtime.h"
extern "C" int main_value(void);
IMPORT(__syscall_getpid) int get_pid(void);

EXPORT(twice) int twice(int x) { return 2 * x + main_value() + get_pid(); }
