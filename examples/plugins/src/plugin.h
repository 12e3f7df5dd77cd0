// What a plugin is: a library that defines plugin_filter. It may use libc, have constructors and destructors, and call
// plugin_log. It is called by several threads at once.
#ifndef PLUGIN_H
#define PLUGIN_H

#include <stddef.h>

// plugin_filter changes a line of text in place. line has length bytes, and there is room for room bytes. The result is
// the new length, at most room.
size_t plugin_filter(char *line, size_t length, size_t room);

// plugin_log is the host's: it writes a line to its log.
__attribute__((import_module("env"), import_name("plugin_log"))) void plugin_log(const char *text);

#endif
