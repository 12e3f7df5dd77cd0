// Included first by every library: errno through the function that the main module has for it.
#ifndef LIBRARY_ERRNO_H
#define LIBRARY_ERRNO_H

#include <errno.h>
#undef errno
#ifdef __cplusplus
extern "C"
#endif
int *__errno_location(void);
#define errno (*__errno_location())

#endif
