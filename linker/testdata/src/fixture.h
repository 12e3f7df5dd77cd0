// What the fixtures share: the services that every main module of this directory exports.
#ifndef FIXTURE_H
#define FIXTURE_H

typedef unsigned int u32;
typedef unsigned char u8;
typedef int (*unary)(int);

// A log that constructors append to, so that their order can be seen. At most 256 entries are kept.
void log_append(int value);
int log_length(void);
int log_at(int index); // -1 where there is no entry

// A thread-safe heap.
void *malloc(u32 size);
void free(void *p);
void *aligned_alloc(u32 alignment, u32 size);

extern int main_value;  // 7 at first
int main_twice(int x);  // 2x
int main_triple(int x); // 3x

#endif
