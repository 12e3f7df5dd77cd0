// Included before each source file of Lua: what its libraries use and wasi-libc does not have, as the functions
// that fail which C allows them to be.
#ifndef LUA_COMPAT_H
#define LUA_COMPAT_H

#include "library_errno.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define tmpfile() (errno = ENOSYS, (FILE *)NULL)
#define lua_tmpnam(buffer, failed) ((void)(buffer), (failed) = 1)
#define LUA_TMPNAMBUFSIZE 1
#define system(command) ((command) ? -1 : 0) // there is no shell

// print writes directly: unlike stdio's buffers, which are not locked, that may be done by several threads.
static inline void lua_put(const char *text, size_t length) {
  while (length > 0) {
    ssize_t n = write(STDOUT_FILENO, text, length);
    if (n <= 0) return;
    text += n;
    length -= (size_t)n;
  }
}
#define lua_writestring(text, length) lua_put((text), (length))
#define lua_writeline() lua_put("\n", 1)

#endif
