// Dynamic loading for guests of the Lockstep linker: the functions of POSIX's <dlfcn.h>, as imports from "env". The
// linker has them for main modules and for libraries, unless the image or the host defines functions of these names.
//
//     void *lib = dlopen("libexample.wasm", RTLD_NOW);
//     if (!lib) return puts(dlerror());
//     int (*example)(int) = (int (*)(int))dlsym(lib, "example");
//
// A handle is the same whoever opens the library, and in every thread; it is never used again for another library.
// Function pointers from dlsym are the same in every thread, too. dlerror is each thread's own; its text stays until
// the thread's next call of dlerror. A constructor may call all of these: libraries that it opens are loaded, or not,
// together with its own. dlclose of a library in a constructor is an error, and so is every call in a start function that
// is run again for another thread.
#ifndef LOCKSTEP_DLFCN_H
#define LOCKSTEP_DLFCN_H

#ifdef __cplusplus
extern "C" {
#endif

#define RTLD_LAZY 1        // functions that nobody has fail when they are called
#define RTLD_NOW 2         // and these make dlopen fail
#define RTLD_NOLOAD 4      // only a library that is loaded already
#define RTLD_GLOBAL 256    // its symbols are for everybody
#define RTLD_LOCAL 0       // only for those who need it, or have its handle
#define RTLD_NODELETE 4096 // dlclose does not unload it

#define RTLD_DEFAULT ((void *)0) // dlsym: everything, in the order of loading
#define RTLD_NEXT ((void *)-1)   // dlsym: everything behind the calling module

typedef struct {
  const char *dli_fname; // file of the module
  void *dli_fbase;       // where its data is
  const char *dli_sname; // the symbol that the pointer belongs to, or null
  void *dli_saddr;       // that symbol's own address or function pointer
} Dl_info;

#define LOCKSTEP_IMPORT(name) __attribute__((import_module("env"), import_name(#name)))

LOCKSTEP_IMPORT(dlopen) void *dlopen(const char *file, int flags);
LOCKSTEP_IMPORT(dlsym) void *dlsym(void *__restrict handle, const char *__restrict name);
LOCKSTEP_IMPORT(dlclose) int dlclose(void *handle);
LOCKSTEP_IMPORT(dlerror) char *dlerror(void);
LOCKSTEP_IMPORT(dladdr) int dladdr(const void *pointer, Dl_info *info);

// A module, as dl_iterate_phdr tells it: its data is one program header of type PT_LOAD (1), from address 0 after addr on.
typedef struct {
  unsigned type, offset, vaddr, paddr, filesz, memsz, flags, align;
} lockstep_phdr;
struct dl_phdr_info {
  unsigned long dlpi_addr;
  const char *dlpi_name;
  const lockstep_phdr *dlpi_phdr;
  unsigned short dlpi_phnum;
  unsigned long long dlpi_adds, dlpi_subs;
  unsigned long dlpi_tls_modid;
  void *dlpi_tls_data;
};
LOCKSTEP_IMPORT(dl_iterate_phdr)
int dl_iterate_phdr(int (*callback)(struct dl_phdr_info *, unsigned long, void *), void *data);

#undef LOCKSTEP_IMPORT

#ifdef __cplusplus
}
#endif

#endif
