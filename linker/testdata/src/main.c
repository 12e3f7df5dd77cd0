// The helper functions of all three main modules (main-pie, main-exe, main-shared).
#include "fixture.h"

// ---- The constructor log ----

enum { log_capacity = 256 };
static int log_entries[log_capacity];
static int log_count;

void log_append(int value) {
  int i = __atomic_fetch_add(&log_count, 1, __ATOMIC_SEQ_CST);
  if (i < log_capacity) __atomic_store_n(&log_entries[i], value, __ATOMIC_SEQ_CST);
}

int log_length(void) {
  int n = __atomic_load_n(&log_count, __ATOMIC_SEQ_CST);
  return n < log_capacity ? n : log_capacity;
}

int log_at(int index) {
  if (index < 0 || index >= log_length()) return -1;
  return __atomic_load_n(&log_entries[index], __ATOMIC_SEQ_CST);
}

void log_clear(void) { __atomic_store_n(&log_count, 0, __ATOMIC_SEQ_CST); }

// ---- The heap: a first-fit list of freed chunks, then a bump pointer in pages grown for it alone ----
//
// It takes no memory but what memory.grow gave it, so it agrees with any linker that grows memory too.
// What is freed is filled with 0xA5: memory that malloc gives out is not zero, and whoever needs zeros
// (the BSS of a library) has to write them.

enum { page = 65536, header = 16, poison = 0xA5 };

// A chunk starts on a multiple of 16. The word before the pointer that the caller gets is the chunk.
struct chunk {
  u32 size; // usable bytes after the header
  struct chunk *next;
};

static struct chunk *free_chunks;
static u32 bump, bump_end;
static int heap_lock;

static void lock_heap(void) {
  while (__atomic_exchange_n(&heap_lock, 1, __ATOMIC_ACQUIRE)) {
  }
}

static void unlock_heap(void) { __atomic_store_n(&heap_lock, 0, __ATOMIC_RELEASE); }

static struct chunk *take_free(u32 size) {
  for (struct chunk **link = &free_chunks; *link; link = &(*link)->next) {
    struct chunk *c = *link;
    if (c->size >= size) {
      *link = c->next;
      return c;
    }
  }
  return 0;
}

static struct chunk *take_new(u32 size) {
  u32 need = size + header;
  if (bump_end - bump < need) {
    u32 pages = (need + page - 1) / page;
    u32 at = __builtin_wasm_memory_grow(0, pages);
    if (at == (u32)-1) return 0;
    if (at * page != bump_end) bump = at * page;
    bump_end = (at + pages) * page;
  }
  struct chunk *c = (struct chunk *)bump;
  bump += need;
  c->size = size;
  return c;
}

void *aligned_alloc(u32 alignment, u32 size) {
  if (alignment & (alignment - 1)) return 0;
  if (alignment < header) alignment = header;
  u32 slack = alignment - header;
  if (size > 0x7fffffff - slack - 2 * header || slack > 0x40000000) return 0;
  u32 usable = (size + slack + header - 1) & ~(u32)(header - 1);
  lock_heap();
  struct chunk *c = take_free(usable);
  if (!c) c = take_new(usable);
  unlock_heap();
  if (!c) return 0;
  u32 p = ((u32)c + header + alignment - 1) & ~(alignment - 1);
  ((struct chunk **)p)[-1] = c;
  return (void *)p;
}

void *malloc(u32 size) { return aligned_alloc(header, size); }

void free(void *p) {
  if (!p) return;
  struct chunk *c = ((struct chunk **)p)[-1];
  u8 *payload = (u8 *)c + header;
  for (u32 i = 0; i < c->size; i++) payload[i] = poison;
  lock_heap();
  c->next = free_chunks;
  free_chunks = c;
  unlock_heap();
}

// ---- Looking at memory and calling through the table ----

int call_pointer(unary fn, int x) { return fn(x); }
int peek32(int address) { return *(volatile int *)address; }
void poke32(int address, int value) { *(volatile int *)address = value; }

// ---- Data and functions that libraries import ----

int main_value = 7;
int main_twice(int x) { return 2 * x; }
unary main_twice_address(void) { return main_twice; }
int *main_value_address(void) { return &main_value; }

// main_triple's address is not taken here: a slot has to be made when a library takes it.
int main_triple(int x) { return 3 * x; }

// ---- The main module's own constructor and thread-local variable ----

static int constructed;
__attribute__((constructor)) static void construct(void) { __atomic_fetch_add(&constructed, 1, __ATOMIC_SEQ_CST); }
int main_constructed(void) { return constructed; } // how often: 1, however many groups there are

static _Thread_local int thread_count = 50;
int main_tls_next(void) { return ++thread_count; }
int *main_tls_address(void) { return &thread_count; }

// ---- What the linker, or the static linker, says about the address space ----

extern u8 __heap_base, __stack_low, __stack_high;
u32 heap_base(void) { return (u32)&__heap_base; }
u32 stack_low(void) { return (u32)&__stack_low; }
u32 stack_high(void) { return (u32)&__stack_high; }
// The address of a local variable: another one in every group.
u32 stack_probe(void) {
  volatile int local = 0;
  u32 address = (u32)&local;
  return address;
}
