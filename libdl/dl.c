// dlopen, dlsym, dlclose and dlerror on top of WASIX, for a C library that lacks them: link this file to the main module,
// and it defines them for every library. It needs no other header, and runs wherever the functions of
// wasix_32v1 are. WASIX cannot close libraries, so dlclose only checks the handle.
typedef __SIZE_TYPE__ size;

#define WASIX(name) __attribute__((import_module("wasix_32v1"), import_name(#name)))

WASIX(dlopen)
int wasix_dlopen(const char *path, size path_len, unsigned flags, char *error, size error_len, const char *dirs,
                 size dirs_len, unsigned *handle);
WASIX(dlsym)
int wasix_dlsym(unsigned handle, const char *symbol, size symbol_len, char *error, size error_len, void **address);
WASIX(dl_invalid_handle) int wasix_dl_invalid_handle(unsigned handle);

static _Thread_local char text[256];
static _Thread_local int failed;

static size length(const char *s) {
  size n = 0;
  while (s && s[n]) n++;
  return n;
}

// fail notes an error of WASIX that brings no text with it.
static void fail(const char *why) {
  size n = length(why);
  for (size i = 0; i <= n; i++) text[i] = why[i];
}

// Flags of <dlfcn.h>, in the order of those of WASIX: lazy, now, global, noload, nodelete.
static const int flags_of_c[] = {1, 2, 256, 4, 4096};

void *dlopen(const char *file, int flags) {
  unsigned handle = 0, wasix = 0;
  for (int i = 0; i < 5; i++)
    if (flags & flags_of_c[i]) wasix |= 1u << i;
  text[0] = 0;
  failed = wasix_dlopen(file, length(file), wasix, text, sizeof text, "", 0, &handle);
  if (failed && !text[0]) fail("dlopen failed");
  return (void *)(failed ? 0 : handle);
}

void *dlsym(void *restrict handle, const char *restrict name) {
  void *address = 0;
  text[0] = 0;
  failed = wasix_dlsym((unsigned)handle, name, length(name), text, sizeof text, &address);
  if (failed && !text[0]) fail("dlsym failed");
  return failed ? 0 : address;
}

int dlclose(void *handle) {
  failed = wasix_dl_invalid_handle((unsigned)handle);
  if (failed) fail("not the handle of an open library");
  return failed ? -1 : 0;
}

char *dlerror(void) {
  char *now = failed ? text : 0;
  failed = 0;
  return now;
}
