/* Memory of growing tables. Small blocks come from malloc; large ones on Linux from mmap with huge
   pages asked for, because first-touch page faults would cost more than the decoding itself, and
   grow by mremap, which moves page tables instead of bytes. */
#ifndef MMSCODEC_ALLOCATOR_H
#define MMSCODEC_ALLOCATOR_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MMSCODEC_HUGE ((size_t)2 << 20)
#define MMSCODEC_LARGE (MMSCODEC_HUGE * 2)

/* The address sanitizer sees the ends of malloc's blocks alone. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__)
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

/* Blocks that were given back wait here for the next table, because the kernel clears every page that
   it hands out, which takes longer than writing rows into it. One module owns them: core/allocator.pyx. */
#ifdef MMSCODEC_KEEP_BLOCKS
#define MMSCODEC_KEPT 16

static struct {
    void *p;
    size_t n;
} block_kept[MMSCODEC_KEPT];
static size_t block_kept_bytes, block_kept_limit = (size_t)128 << 20;
static char block_lock;

static inline void block_enter(void) {
    while (__atomic_test_and_set(&block_lock, __ATOMIC_ACQUIRE)) {
    }
}

static inline void block_leave(void) { __atomic_clear(&block_lock, __ATOMIC_RELEASE); }

/* The smallest block that is kept and has n bytes, or NULL. */
static inline void *block_take(size_t n, size_t *got) {
    size_t i, best = MMSCODEC_KEPT;
    void *p = NULL;
    block_enter();
    for (i = 0; i < MMSCODEC_KEPT; i++)
        if (block_kept[i].n >= n && (best == MMSCODEC_KEPT || block_kept[i].n < block_kept[best].n))
            best = i;
    if (best < MMSCODEC_KEPT) {
        p = block_kept[best].p;
        *got = block_kept[best].n;
        block_kept_bytes -= *got;
        block_kept[best].n = 0;
    }
    block_leave();
    return p;
}

/* 1 if the block is kept; the smallest others go where there is no room for it. */
static inline int block_keep(void *p, size_t n) {
    size_t i, least;
    if (n > block_kept_limit) return 0;
    for (;;) {
        void *gone = NULL;
        size_t size = 0;
        int kept = 0;
        block_enter();
        for (i = least = 0; i < MMSCODEC_KEPT; i++)
            if (block_kept[i].n < block_kept[least].n) least = i;
        if (block_kept[least].n == 0 && block_kept_bytes + n <= block_kept_limit) {
            block_kept[least].p = p;
            block_kept[least].n = n;
            block_kept_bytes += n;
            kept = 1;
        } else {
            for (i = 0; i < MMSCODEC_KEPT; i++)
                if (block_kept[i].n && (block_kept[least].n == 0 || block_kept[i].n < block_kept[least].n))
                    least = i;
            if (block_kept[least].n < n) {
                gone = block_kept[least].p;
                size = block_kept[least].n;
                block_kept[least].n = 0;
                block_kept_bytes -= size;
            }
        }
        block_leave();
        if (kept) return 1;
        if (!size) return 0;
        munmap(gone, size);
    }
}

/* Keep no more than `limit` bytes from now on; what was the limit. */
static inline size_t block_limit(size_t limit) {
    size_t i, before;
    block_enter();
    before = block_kept_limit;
    block_kept_limit = limit;
    for (i = 0; i < MMSCODEC_KEPT && block_kept_bytes > limit; i++) {
        if (block_kept[i].n) munmap(block_kept[i].p, block_kept[i].n);
        block_kept_bytes -= block_kept[i].n;
        block_kept[i].n = 0;
    }
    block_leave();
    return before;
}

static inline void block_free(void *p, size_t n) {
    if (!p) return;
    n = block_round(n);
    if (n < MMSCODEC_LARGE) free(p);
    else if (!block_keep(p, n)) munmap(p, n);
}

/* Resize from n to *m bytes, or to more, which *m says then; p is NULL for a new block. NULL = no
   memory, and p is still good. */
static inline void *block_resize(void *p, size_t n, size_t *size) {
    size_t m = block_round(*size);
    n = block_round(n);
    if (p && n == m) return p;
    if (m < MMSCODEC_LARGE && (!p || n < MMSCODEC_LARGE)) return realloc(p, m ? m : 1);
    if (p && n >= MMSCODEC_LARGE && m >= MMSCODEC_LARGE) {
        void *q = mremap(p, n, m, 0);
        if (q != MAP_FAILED) {
            if (m > n) madvise((uint8_t *)q + n, m - n, MADV_HUGEPAGE);
            return q;
        }
        /* no room behind it: its pages move to where there is, on a huge-page border again */
        void *room = block_map(m);
        if (room) {
            q = mremap(p, n, m, MREMAP_MAYMOVE | MREMAP_FIXED, room);
            if (q != MAP_FAILED) {
                madvise(q, m, MADV_HUGEPAGE);
                return q;
            }
            munmap(room, m);
        }
    }
    void *q = NULL;
    if (m < MMSCODEC_LARGE) {
        q = malloc(m ? m : 1);
    } else if (m > n) {
        q = block_take(m, size);
        if (!q) q = block_map(m);
    } else {
        q = block_map(m);
    }
    if (!q) return NULL;
    if (p) {
        memcpy(q, p, n < m ? n : m);
        block_free(p, n);
    }
    return q;
}
#endif

#else

static inline void block_advise(void *p, size_t n) {
    (void)p;
    (void)n;
}

static inline void block_free(void *p, size_t n) {
    (void)n;
    free(p);
}

static inline size_t block_limit(size_t limit) {
    (void)limit;
    return 0;
}

static inline void *block_resize(void *p, size_t n, size_t *size) {
    (void)n;
    return realloc(p, *size ? *size : 1);
}

#endif
#endif
