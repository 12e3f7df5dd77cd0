// Functions and structs of all kinds, for the tests of package cabi.
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct mixed {
  int8_t a;
  int16_t b;
  bool c;
  double d;
  uint32_t e[3];
  struct { uint8_t x; int64_t y; } f;
  char *name;
};

struct mixed *mixed_new(const char *name) {
  struct mixed *m = calloc(1, sizeof *m);
  *m = (struct mixed){.a = -1, .b = -300, .c = true, .d = 2.5, .e = {1, 2, 0xffffffff}, .f = {200, -5}};
  m->name = strdup(name);
  return m;
}
int32_t mixed_size(void) { return sizeof(struct mixed); }
double mixed_sum(const struct mixed *m) {
  return m->a + m->b + m->c + m->d + m->e[0] + m->e[1] + m->e[2] + m->f.x + (double)m->f.y;
}
void mixed_free(struct mixed *m) { free(m->name); free(m); }

int32_t add(int32_t a, int32_t b) { return a + b; }
int64_t twice64(int64_t a) { return 2 * a; }
uint64_t large(void) { return UINT64_MAX; }
float half(float a) { return a / 2; }
double scaled(double a, int32_t by) { return a * by; }
bool is_even(int32_t a) { return a % 2 == 0; }
int8_t minus(int8_t a) { return -a; }
uint8_t byte_of(uint8_t a) { return a; }
size_t length(const char *s) { return strlen(s); }
const char *version(void) { return "1.2 ü"; }
char *shout(const char *s) {
  char *r = malloc(strlen(s) + 2);
  return strcat(strcpy(r, s), "!");
}
void nothing(void) {}
void crash(void) { __builtin_trap(); }

typedef int32_t compare(const void *, const void *);
void qsort(void *, size_t, size_t, compare *);
void sort_words(char **words, size_t count, compare *c) { qsort(words, count, sizeof *words, c); }
double integral(double (*f)(double x), double from, double to, int32_t steps) {
  double sum = 0, width = (to - from) / steps;
  for (int32_t i = 0; i < steps; i++) sum += f(from + (i + 0.5) * width) * width;
  return sum;
}
int32_t tell(void (*each)(const char *name, int64_t value, bool last)) {
  each("one", 1, false);
  each("minus two", -2, true);
  return 2;
}
int32_t (*adder(void))(int32_t, int32_t) { return add; }
