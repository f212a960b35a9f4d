/* What two threads need that share one number: to read it as it is now, to rest meanwhile, and to
   take what one of them can have. */
#ifndef MMSCODEC_ATOMIC_H
#define MMSCODEC_ATOMIC_H

#include <stdint.h>

#if defined(_WIN32)
#ifndef NOMINMAX
#define NOMINMAX
#endif
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>
static inline void cpu_relax(void) { Sleep(0); }
#else
#include <time.h>
static inline void cpu_relax(void) {
    struct timespec t = {0, 20000};
    nanosleep(&t, NULL);
}
#endif

#if defined(__GNUC__) || defined(__clang__)
static inline uint64_t shared_load(const uint64_t *p) { return __atomic_load_n(p, __ATOMIC_RELAXED); }
static inline void shared_store(uint64_t *p, uint64_t v) { __atomic_store_n(p, v, __ATOMIC_RELAXED); }
/* Whether the flag was free: it is taken now, until it is given back. */
static inline int shared_take(int *flag) { return !__atomic_exchange_n(flag, 1, __ATOMIC_ACQUIRE); }
static inline void shared_give(int *flag) { __atomic_store_n(flag, 0, __ATOMIC_RELEASE); }
#else
static inline uint64_t shared_load(const uint64_t *p) { return *(volatile const uint64_t *)p; }
static inline void shared_store(uint64_t *p, uint64_t v) { *(volatile uint64_t *)p = v; }
static inline int shared_take(int *flag) { return !InterlockedExchange((volatile LONG *)flag, 1); }
static inline void shared_give(int *flag) { InterlockedExchange((volatile LONG *)flag, 0); }
#endif
#endif
