#include "plugin.h"

#include <string.h>

// Traps on lines that begin with "!".
size_t plugin_filter(char *line, size_t length, size_t room) {
  (void)room;
  if (length > 0 && line[0] == '!') __builtin_trap();
  return length;
}
