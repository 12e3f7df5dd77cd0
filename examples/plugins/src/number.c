// Puts a number before each line. It is built twice, as two versions of one plugin.
#include "plugin.h"

#include <stdio.h>
#include <string.h>

#ifndef FORMAT
#define FORMAT "%u: "
#endif

static unsigned lines; // one for all threads

__attribute__((constructor)) static void begin(void) { plugin_log("number: loaded"); }

__attribute__((destructor)) static void end(void) {
  char text[64];
  snprintf(text, sizeof text, "number: unloaded after %u lines", lines);
  plugin_log(text);
}

size_t plugin_filter(char *line, size_t length, size_t room) {
  char number[32];
  unsigned n = __atomic_add_fetch(&lines, 1, __ATOMIC_RELAXED);
  size_t width = (size_t)snprintf(number, sizeof number, FORMAT, n);
  if (width + length > room) return length;
  memmove(line + width, line, length);
  memcpy(line, number, width);
  return width + length;
}
