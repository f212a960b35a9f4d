/* Preloaded: makes the k-th allocation of the package's own libraries fail, once or from then on.
   FAILING_PACKAGE is the folder of the package: what lies below it is its own. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

static long armed, seen, wanted, sticky;

void failing_arm(long k, long from_then_on) {
    seen = 0;
    wanted = k;
    sticky = from_then_on;
    armed = 1;
}

long failing_disarm(void) {
    armed = 0;
    return seen;
}

static int fails(void *caller) {
    Dl_info where;
    if (!armed || !dladdr(caller, &where) || !where.dli_fname) return 0;
    const char *package = getenv("FAILING_PACKAGE");
    if (!package || strncmp(where.dli_fname, package, strlen(package)) != 0) return 0;
    long number = __atomic_fetch_add(&seen, 1, __ATOMIC_SEQ_CST);
    if (number == wanted || (sticky && number > wanted)) {
        errno = ENOMEM;
        return 1;
    }
    return 0;
}

void *malloc(size_t n) { return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(n); }

void *calloc(size_t n, size_t m) {
    return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(n, m);
}

void *realloc(void *p, size_t n) {
    return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(p, n);
}

void *mmap(void *p, size_t n, int protection, int flags, int file, off_t at) {
    if (fails(__builtin_return_address(0))) return MAP_FAILED;
    return (void *)syscall(SYS_mmap, p, n, protection, flags, file, at);
}
