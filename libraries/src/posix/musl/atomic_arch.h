// musl's atomic operations, as the instructions for threads have them; it makes the others of these.
#define a_cas a_cas
static inline int a_cas(volatile int *p, int t, int s) { return __sync_val_compare_and_swap(p, t, s); }
#define a_swap a_swap
static inline int a_swap(volatile int *p, int v) { return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST); }
#define a_fetch_add a_fetch_add
static inline int a_fetch_add(volatile int *p, int v) { return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST); }
#define a_store a_store
static inline void a_store(volatile int *p, int v) { __atomic_store_n(p, v, __ATOMIC_SEQ_CST); }
#define a_barrier() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define a_spin a_barrier
#define a_crash() __builtin_trap()
#define a_clz_32 __builtin_clz
#define a_clz_64 __builtin_clzll
#define a_ctz_32 __builtin_ctz
#define a_ctz_64 __builtin_ctzll
