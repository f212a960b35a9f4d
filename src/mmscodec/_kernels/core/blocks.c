/* Memory of growing tables; core/allocator.pyx includes this file. Small blocks come from malloc; large ones on Linux from mmap with huge
   pages asked for, because first-touch page faults would cost more than the decoding itself, and
   grow by mremap, which moves page tables instead of bytes. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The address sanitizer sees the ends of malloc's blocks alone. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

/* How often memory was asked for, so that tests can say that a loop asks for none. */
static size_t asked;

static void count_one(void) {
#if defined(__GNUC__)
    __atomic_fetch_add(&asked, 1, __ATOMIC_RELAXED);
#else
    asked++;
#endif
}

static size_t block_asked(void) { return asked; }

#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__)
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)
#define LARGE (HUGE_PAGE * 2)
#define KEPT 16

typedef struct {
    void *p;
    size_t n;
} block_t;

/* Blocks that were given back wait here for the next table, because the kernel clears every page
   that it hands out, which takes longer than writing rows into it. */
static block_t kept[KEPT];
static size_t kept_bytes, kept_limit = (size_t)128 << 20;
static char lock;

static void enter(void) {
    while (__atomic_test_and_set(&lock, __ATOMIC_ACQUIRE)) {
    }
}

static void leave(void) { __atomic_clear(&lock, __ATOMIC_RELEASE); }

static size_t rounded(size_t n) { return n >= LARGE ? (n + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1) : n; }

static uintptr_t next_border(uintptr_t at) {
    return (at + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1);
}

/* n bytes, a multiple of a huge page, on the border of one; NULL = no memory. */
static void *map_block(size_t n) {
    /* over-allocate once to start on a border, then give back the ends */
    uint8_t *p = mmap(NULL, n + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint8_t *q;
    size_t before;
    if (p == MAP_FAILED) return NULL;
    q = (uint8_t *)next_border((uintptr_t)p);
    before = (size_t)(q - p);
    if (before) munmap(p, before);
    if (before < HUGE_PAGE) munmap(q + n, HUGE_PAGE - before);
    madvise(q, n, MADV_HUGEPAGE);
    return q;
}

/* With the lock held: take block i out of those that are kept. */
static block_t take_out(size_t i) {
    block_t found = kept[i];
    kept_bytes -= found.n;
    kept[i].p = NULL;
    kept[i].n = 0;
    return found;
}

/* With the lock held: number of the smallest kept block of at least n bytes, or KEPT. */
static size_t smallest(size_t n) {
    size_t i, best = KEPT;
    for (i = 0; i < KEPT; i++)
        if (kept[i].n >= n && (best == KEPT || kept[i].n < kept[best].n)) best = i;
    return best;
}

/* The smallest block that is kept and has n bytes, or NULL; *got are its bytes. */
static void *take_kept(size_t n, size_t *got) {
    block_t found = {NULL, 0};
    size_t i;
    enter();
    i = smallest(n);
    if (i < KEPT) found = take_out(i);
    leave();
    if (found.p) *got = found.n;
    return found.p;
}

/* With the lock held: is the block kept? If not, *gone may be a smaller one that makes room. */
static int keep_or_evict(void *p, size_t n, block_t *gone) {
    size_t empty = 0, least;
    while (empty < KEPT && kept[empty].n) empty++;
    if (empty < KEPT && kept_bytes + n <= kept_limit) {
        kept[empty].p = p;
        kept[empty].n = n;
        kept_bytes += n;
        return 1;
    }
    least = smallest(1);
    if (least < KEPT && kept[least].n < n) *gone = take_out(least);
    return 0;
}

/* 1 if the block is kept; the smallest others go where there is no room for it. */
static int keep(void *p, size_t n) {
    block_t gone;
    int done;
    if (n > kept_limit) return 0;
    do {
        gone.p = NULL;
        enter();
        done = keep_or_evict(p, n, &gone);
        leave();
        if (gone.p) munmap(gone.p, gone.n);
    } while (!done && gone.p);
    return done;
}

/* A large block of n bytes as one of m by moving its pages; NULL = they cannot be moved. */
static void *move_pages(void *p, size_t n, size_t m) {
    void *room, *q = mremap(p, n, m, 0);
    if (q != MAP_FAILED) {
        if (m > n) madvise((uint8_t *)q + n, m - n, MADV_HUGEPAGE);
        return q;
    }
    /* no room behind it: its pages move to where there is, on a border again */
    room = map_block(m);
    if (!room) return NULL;
    q = mremap(p, n, m, MREMAP_MAYMOVE | MREMAP_FIXED, room);
    if (q == MAP_FAILED) {
        munmap(room, m);
        return NULL;
    }
    madvise(q, m, MADV_HUGEPAGE);
    return q;
}

/* Keep no more than `limit` bytes for the next tables from now on; what was the limit. */
static size_t block_limit(size_t limit) {
    size_t before, i;
    enter();
    before = kept_limit;
    kept_limit = limit;
    while (kept_bytes > limit && (i = smallest(1)) < KEPT) {
        block_t gone = take_out(i);
        munmap(gone.p, gone.n);
    }
    leave();
    return before;
}

/* Give back a block of n bytes. */
static void block_free(void *p, size_t n) {
    if (!p) return;
    n = rounded(n);
    if (n < LARGE) free(p);
    else if (!keep(p, n)) munmap(p, n);
}

/* Resize from n to *size bytes, or to more, which *size says then; p is NULL for a new block.
   NULL = no memory, and p is still good. */
static void *block_resize(void *p, size_t n, size_t *size) {
    size_t m = rounded(*size);
    void *q = NULL;
    n = rounded(n);
    if (p && n == m) return p;
    count_one();
    if (m < LARGE && (!p || n < LARGE)) return realloc(p, m ? m : 1);
    if (p && n >= LARGE && m >= LARGE) q = move_pages(p, n, m);
    if (q) return q;
    if (m < LARGE) q = malloc(m ? m : 1);
    else if (m > n) q = take_kept(m, size);
    if (!q && m >= LARGE) q = map_block(m);
    if (!q || !p) return q;
    memcpy(q, p, n < m ? n : m);
    block_free(p, n);
    return q;
}

/* Ask for huge pages in memory that somebody else allocated and nobody has touched yet. */
static void block_advise(void *p, size_t n) {
    uintptr_t start = next_border((uintptr_t)p);
    uintptr_t stop = ((uintptr_t)p + n) & ~(uintptr_t)(HUGE_PAGE - 1);
    if (n >= LARGE && stop > start) madvise((void *)start, (size_t)(stop - start), MADV_HUGEPAGE);
}

#else

static void *block_resize(void *p, size_t n, size_t *size) {
    (void)n;
    count_one();
    return realloc(p, *size ? *size : 1);
}

static void block_free(void *p, size_t n) {
    (void)n;
    free(p);
}

static size_t block_limit(size_t limit) {
    (void)limit;
    return 0;
}

static void block_advise(void *p, size_t n) {
    (void)p;
    (void)n;
}

#endif
