/* Writing at a place in a file, and what a system may be told about it beforehand. */
#ifndef MMSCODEC_FILE_H
#define MMSCODEC_FILE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define FILE_HAS_PLACES 0

static inline int file_write_at(int fd, const void *p, size_t n, int64_t offset) {
    (void)fd, (void)p, (void)n, (void)offset;
    return ENOSYS;
}
#else
#define FILE_HAS_PLACES 1
#include <unistd.h>

/* All n bytes at `offset`: 0 or errno. */
static inline int file_write_at(int fd, const void *p, size_t n, int64_t offset) {
    const char *bytes = (const char *)p;
    while (n > 0) {
        ssize_t done = pwrite(fd, bytes, n < 1u << 30 ? n : 1u << 30, (off_t)offset);
        if (done < 0) {
            if (errno == EINTR) continue;
            return errno;
        }
        if (done == 0) return EIO;
        bytes += done;
        offset += done;
        n -= (size_t)done;
    }
    return 0;
}
#endif

#if defined(__linux__)
#include <fcntl.h>

/* Room for n bytes at `offset`: 0, or the errno that says there is none. Where a file system cannot
   reserve it writes as well without, and the C library's way around that is slow. */
static inline int file_reserve(int fd, int64_t offset, int64_t n) {
    while (fallocate(fd, 0, (off_t)offset, (off_t)n) != 0) {
        if (errno == EINTR) continue;
        return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? errno : 0;
    }
    return 0;
}

/* Have the disk begin with these bytes, so that it does not start only when all are written. */
static inline void file_start_writing(int fd, int64_t offset, int64_t n) {
    (void)sync_file_range(fd, (off_t)offset, (off_t)n, SYNC_FILE_RANGE_WRITE);
}
#else
static inline int file_reserve(int fd, int64_t offset, int64_t n) {
    (void)fd, (void)offset, (void)n;
    return 0;
}
static inline void file_start_writing(int fd, int64_t offset, int64_t n) {
    (void)fd, (void)offset, (void)n;
}
#endif
#endif
