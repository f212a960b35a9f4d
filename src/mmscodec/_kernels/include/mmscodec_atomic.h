/* What two threads need that share one number: to read it as it is now, and to rest meanwhile. */
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
#else
static inline uint64_t shared_load(const uint64_t *p) { return *(volatile const uint64_t *)p; }
static inline void shared_store(uint64_t *p, uint64_t v) { *(volatile uint64_t *)p = v; }
#endif
#endif
