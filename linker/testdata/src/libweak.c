// Weak symbols. A weak definition gives way to a strong one that was loaded earlier; an undefined weak
// function is a null pointer, undefined weak data is at address 0, and both can be asked for.
__attribute__((weak)) int weak_defined(int x) { return x + 1; }
__attribute__((weak)) int weak_defined_data = 31;

__attribute__((weak)) int weak_missing(int x);
__attribute__((weak)) extern int weak_missing_data;
__attribute__((weak)) int main_twice(int x); // weak, but there
__attribute__((weak)) extern int main_value; // weak, but there

int weak_has_function(void) { return weak_missing ? 1 : 0; }    // 0
int weak_has_data(void) { return &weak_missing_data ? 1 : 0; }  // 0
int weak_call(int x) { return weak_missing ? weak_missing(x) : -1; }
int weak_read(void) { return &weak_missing_data ? weak_missing_data : -1; }
int weak_has_main_function(void) { return main_twice ? 1 : 0; } // 1
int weak_has_main_data(void) { return &main_value ? 1 : 0; }    // 1
int weak_call_main(int x) { return main_twice ? main_twice(x) : -1; }
int (*weak_defined_address(void))(int) { return weak_defined; }
int *weak_defined_data_address(void) { return &weak_defined_data; }
