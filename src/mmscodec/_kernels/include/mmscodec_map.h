/* A part of a file in memory, without a descriptor of its own. */
#ifndef MMSCODEC_MAP_H
#define MMSCODEC_MAP_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#include <io.h>
#ifndef NOMINMAX
#define NOMINMAX
#endif
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>

static inline void *map_file(int fd, uint64_t offset, size_t n) {
    HANDLE map = CreateFileMappingW((HANDLE)_get_osfhandle(fd), NULL, PAGE_READONLY, 0, 0, NULL);
    void *p;
    if (!map) return NULL;
    p = MapViewOfFile(map, FILE_MAP_READ, (DWORD)(offset >> 32), (DWORD)offset, n);
    CloseHandle(map);
    return p;
}
static inline void map_free(void *p, size_t n) {
    (void)n;
    UnmapViewOfFile(p);
}
static inline void map_populate(void *p, size_t n) {
    (void)p;
    (void)n;
}
static inline void map_forget(void *p, size_t n) {
    (void)p;
    (void)n;
}
#else
#include <sys/mman.h>

static inline void *map_file(int fd, uint64_t offset, size_t n) {
    void *p = mmap(NULL, n, PROT_READ, MAP_SHARED, fd, (off_t)offset);
    return p == MAP_FAILED ? NULL : p;
}
static inline void map_free(void *p, size_t n) { munmap(p, n); }

/* One call instead of a page fault for every 64 KiB; an old kernel refuses, which is no harm. */
static inline void map_populate(void *p, size_t n) {
#if defined(__linux__)
    madvise(p, n, 22 /* MADV_POPULATE_READ */);
#else
    madvise(p, n, MADV_WILLNEED);
#endif
}
/* Pages of a file come back when they are touched again. */
static inline void map_forget(void *p, size_t n) {
#if defined(__linux__)
    madvise(p, n, MADV_DONTNEED);
#else
    (void)p;
    (void)n;
#endif
}
#endif
#endif
