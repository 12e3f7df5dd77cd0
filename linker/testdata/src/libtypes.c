// Every value type, as parameter and result, directly and through a pointer.
long long types_i64(long long x) { return x + 1; }
float types_f32(float x) { return x / 2; }
double types_f64(double x) { return x / 4; }
double types_mixed(int a, long long b, float c, double d) { return a + (double)b + c + d; }
typedef double (*mixed)(int, long long, float, double);
mixed types_mixed_address(void) { return types_mixed; }
double types_call_mixed(mixed fn, int a, long long b, float c, double d) { return fn(a, b, c, d); }
