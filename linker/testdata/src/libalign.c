// Data with a large alignment.
#include "fixture.h"

static _Alignas(4096) u8 align_page[4096] = {1};
static _Alignas(64) int align_line = 64;
_Alignas(1024) int align_zero[256];
u32 align_page_address(void) { return (u32)align_page; }
u32 align_line_address(void) { return (u32)&align_line; }
u32 align_zero_address(void) { return (u32)align_zero; }
int align_read(void) { return *(volatile u8 *)align_page + *(volatile int *)&align_line; } // 65
