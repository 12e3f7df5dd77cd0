// Closures of WASIX: functions of signatures that are known at run time only.
#include "fixture.h"

#define WASIX(name) __attribute__((import_module("wasix_32v1"), import_name(#name)))
WASIX(closure_allocate) int closure_allocate(u32 *closure);
WASIX(closure_prepare)
int closure_prepare(u32 backing, u32 closure, const u8 *params, u32 params_len, const u8 *results, u32 results_len,
                    void *data);
WASIX(closure_free) int closure_free(u32 closure);

enum { I32, I64, F32, F64 };

struct __attribute__((packed)) values {
  int a;
  long long b;
  float c;
  double d;
};

// Adds up its arguments and what data points to; two results.
static void sum(u8 *values, u8 *results, void *data) {
  struct values *v = (struct values *)values;
  struct __attribute__((packed)) {
    double sum;
    int data;
  } *r = (void *)results;
  r->sum = v->a + (double)v->b + v->c + v->d + *(int *)data;
  r->data = *(int *)data;
}

// Twice its argument, and data.
static void twice(u8 *values, u8 *results, void *data) { *(int *)results = 2 * *(int *)values + (int)data; }

static const u8 sum_params[] = {I32, I64, F32, F64}, sum_results[] = {F64, I32}, one[] = {I32};

// What went wrong, or the closure: a double, int (*)(int, long long, float, double) and an int.
int closure_sum(int *data) {
  u32 closure;
  int error = closure_allocate(&closure);
  if (!error) error = closure_prepare((u32)sum, closure, sum_params, 4, sum_results, 2, data);
  return error ? -error : (int)closure;
}

int closure_set_twice(u32 closure, int data) {
  return closure_prepare((u32)twice, closure, one, 1, one, 1, (void *)data);
}

int closure_give(u32 closure) { return closure_free(closure); }

static int made;
__attribute__((constructor)) static void construct(void) {
  u32 closure;
  if (!closure_allocate(&closure) && !closure_set_twice(closure, 5)) made = (int)closure;
}

int closure_made(void) { return made; } // int (*)(int): twice and 5
