// What SQLite needs of an operating system, for a WebAssembly library: time, randomness, sleep and mutexes. There
// are no files: databases live in memory. "file:/NAME?vfs=memdb" is one that all connections of the process share.
// Compiled as one unit with sqlite3.c (-DSQLITE_OS_OTHER=1).
#include "sqlite3.c"

#include <sched.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

// ---- Mutexes ----
//
// Their holder may be in a host function (for the time, say), which is a safepoint, and stay there while another
// thread links. So whoever waits for a mutex has to come to safepoints, too: sched_yield is one. A wait instruction
// is none, and would be a deadlock.

struct sqlite3_mutex {
  int kind;
  int owner; // 0: nobody; otherwise what thread_id returned
  int depth; // how often its owner holds it
};

static _Thread_local char thread_mark;
static int thread_id(void) { return (int)&thread_mark; } // an address: another one in every thread, and never 0

static sqlite3_mutex static_mutexes[SQLITE_MUTEX_STATIC_VFS3 + 1];

static int mutex_init(void) { return SQLITE_OK; }
static int mutex_end(void) { return SQLITE_OK; }

static sqlite3_mutex *mutex_alloc(int kind) {
  if (kind != SQLITE_MUTEX_FAST && kind != SQLITE_MUTEX_RECURSIVE) {
    return kind > 0 && kind <= SQLITE_MUTEX_STATIC_VFS3 ? &static_mutexes[kind] : 0;
  }
  sqlite3_mutex *m = malloc(sizeof *m); // not SQLite's: that has a mutex itself
  if (m) *m = (sqlite3_mutex){.kind = kind};
  return m;
}

static void mutex_free(sqlite3_mutex *m) { free(m); }

static int mutex_held(sqlite3_mutex *m) { return __atomic_load_n(&m->owner, __ATOMIC_RELAXED) == thread_id(); }
static int mutex_not_held(sqlite3_mutex *m) { return !mutex_held(m); }

static int mutex_try(sqlite3_mutex *m) {
  int nobody = 0;
  if (!mutex_held(m) &&
      !__atomic_compare_exchange_n(&m->owner, &nobody, thread_id(), 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
    return SQLITE_BUSY;
  }
  m->depth++;
  return SQLITE_OK;
}

static void mutex_enter(sqlite3_mutex *m) {
  while (mutex_try(m) != SQLITE_OK) sched_yield();
}

static void mutex_leave(sqlite3_mutex *m) {
  if (--m->depth == 0) __atomic_store_n(&m->owner, 0, __ATOMIC_RELEASE);
}

static const sqlite3_mutex_methods mutex_methods = {
    mutex_init, mutex_end, mutex_alloc, mutex_free, mutex_enter, mutex_try, mutex_leave, mutex_held, mutex_not_held,
};

// Prepares SQLite when the library is loaded, before there is a second thread that could do it, too.
__attribute__((constructor)) static void prepare(void) {
  if (sqlite3_config(SQLITE_CONFIG_MUTEX, &mutex_methods) != SQLITE_OK || sqlite3_initialize() != SQLITE_OK) abort();
}

// ---- The system's VFS: everything but files ----

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out) {
  (void)vfs, (void)name, (void)flags, (void)out;
  file->pMethods = 0;
  return SQLITE_CANTOPEN;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync) {
  (void)vfs, (void)name, (void)sync;
  return SQLITE_IOERR_DELETE_NOENT;
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *result) {
  (void)vfs, (void)name, (void)flags;
  *result = 0;
  return SQLITE_OK;
}

static int vfs_full_pathname(sqlite3_vfs *vfs, const char *name, int size, char *result) {
  (void)vfs;
  sqlite3_snprintf(size, result, "%s", name);
  return SQLITE_OK;
}

static int vfs_randomness(sqlite3_vfs *vfs, int size, char *result) {
  (void)vfs;
  return getentropy(result, (size_t)size) == 0 ? size : 0;
}

static int vfs_sleep(sqlite3_vfs *vfs, int microseconds) {
  (void)vfs;
  struct timespec t = {microseconds / 1000000, (long)(microseconds % 1000000) * 1000};
  nanosleep(&t, 0);
  return microseconds;
}

// The Julian day in milliseconds.
static int vfs_current_time_int64(sqlite3_vfs *vfs, sqlite3_int64 *result) {
  (void)vfs;
  struct timespec t;
  if (clock_gettime(CLOCK_REALTIME, &t) != 0) return SQLITE_ERROR;
  static const sqlite3_int64 unix_epoch = 24405875 * (sqlite3_int64)8640000;
  *result = unix_epoch + (sqlite3_int64)t.tv_sec * 1000 + t.tv_nsec / 1000000;
  return SQLITE_OK;
}

static int vfs_current_time(sqlite3_vfs *vfs, double *result) {
  sqlite3_int64 ms;
  int rc = vfs_current_time_int64(vfs, &ms);
  if (rc == SQLITE_OK) *result = (double)ms / 86400000.0;
  return rc;
}

static int vfs_get_last_error(sqlite3_vfs *vfs, int size, char *result) {
  (void)vfs, (void)size, (void)result;
  return 0;
}

int sqlite3_os_init(void) {
  static sqlite3_vfs vfs = {
      .iVersion = 2,
      .szOsFile = sizeof(sqlite3_file),
      .mxPathname = 512,
      .zName = "none",
      .xOpen = vfs_open,
      .xDelete = vfs_delete,
      .xAccess = vfs_access,
      .xFullPathname = vfs_full_pathname,
      .xRandomness = vfs_randomness,
      .xSleep = vfs_sleep,
      .xCurrentTime = vfs_current_time,
      .xGetLastError = vfs_get_last_error,
      .xCurrentTimeInt64 = vfs_current_time_int64,
  };
  return sqlite3_vfs_register(&vfs, 1);
}

int sqlite3_os_end(void) { return SQLITE_OK; }
