/* Memory of growing tables. Small blocks come from malloc; large ones on Linux from mmap with huge
   pages asked for, because first-touch page faults would cost more than the decoding itself, and
   grow by mremap, which moves page tables instead of bytes. */
#ifndef MMSCODEC_BLOCK_H
#define MMSCODEC_BLOCK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MMSCODEC_HUGE ((size_t)2 << 20)
#define MMSCODEC_LARGE (MMSCODEC_HUGE * 2)

#if defined(__linux__)
#include <sys/mman.h>

static inline size_t block_round(size_t n) {
    return n >= MMSCODEC_LARGE ? (n + MMSCODEC_HUGE - 1) & ~(MMSCODEC_HUGE - 1) : n;
}

static inline void *block_map(size_t n) {
    /* over-allocate once to start on a huge-page border, then give back the ends */
    uint8_t *p = (uint8_t *)mmap(NULL, n + MMSCODEC_HUGE, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == (uint8_t *)MAP_FAILED) return NULL;
    uint8_t *q = (uint8_t *)(((uintptr_t)p + MMSCODEC_HUGE - 1) & ~(uintptr_t)(MMSCODEC_HUGE - 1));
    if (q != p) munmap(p, (size_t)(q - p));
    size_t tail = (size_t)((p + n + MMSCODEC_HUGE) - (q + n));
    if (tail) munmap(q + n, tail);
    madvise(q, n, MADV_HUGEPAGE);
    return q;
}

/* Ask for huge pages in memory that somebody else allocated and nobody has touched yet. */
static inline void block_advise(void *p, size_t n) {
    uintptr_t start = ((uintptr_t)p + MMSCODEC_HUGE - 1) & ~(uintptr_t)(MMSCODEC_HUGE - 1);
    uintptr_t stop = ((uintptr_t)p + n) & ~(uintptr_t)(MMSCODEC_HUGE - 1);
    if (n >= MMSCODEC_LARGE && stop > start)
        madvise((void *)start, (size_t)(stop - start), MADV_HUGEPAGE);
}

static inline void block_free(void *p, size_t n) {
    if (!p) return;
    n = block_round(n);
    if (n >= MMSCODEC_LARGE) munmap(p, n);
    else free(p);
}

/* Resize from n to m bytes; p is NULL for a new block. NULL = no memory, and p is still good. */
static inline void *block_resize(void *p, size_t n, size_t m) {
    n = block_round(n);
    m = block_round(m);
    if (p && n == m) return p;
    if (m < MMSCODEC_LARGE && (!p || n < MMSCODEC_LARGE)) return realloc(p, m ? m : 1);
    if (p && n >= MMSCODEC_LARGE && m >= MMSCODEC_LARGE) {
        void *q = mremap(p, n, m, 0);
        if (q != MAP_FAILED) {
            if (m > n) madvise((uint8_t *)q + n, m - n, MADV_HUGEPAGE);
            return q;
        }
    }
    void *q = m >= MMSCODEC_LARGE ? block_map(m) : malloc(m ? m : 1);
    if (!q) return NULL;
    if (p) {
        memcpy(q, p, n < m ? n : m);
        block_free(p, n);
    }
    return q;
}

#else

static inline void block_advise(void *p, size_t n) {
    (void)p;
    (void)n;
}

static inline void block_free(void *p, size_t n) {
    (void)n;
    free(p);
}

static inline void *block_resize(void *p, size_t n, size_t m) {
    (void)n;
    return realloc(p, m ? m : 1);
}

#endif
#endif
