#include "plugin.h"

#include <ctype.h>

size_t plugin_filter(char *line, size_t length, size_t room) {
  (void)room;
  for (size_t i = 0; i < length; i++) line[i] = (char)toupper((unsigned char)line[i]);
  return length;
}
