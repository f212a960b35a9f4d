/* Preloaded: holds the number of the mutant that runs, for this process and those it starts. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int mmscodec_mutant = -1;
unsigned char *mmscodec_reached = 0;

/* From here on lines that are reached are noted in this file of `size` bytes. */
int mutant_note(const char *path, long size) {
    int file = open(path, O_RDWR);
    if (file < 0) return -1;
    void *p = mmap(0, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (p == MAP_FAILED) return -1;
    mmscodec_reached = p;
    return 0;
}

__attribute__((constructor)) static void begin(void) {
    const char *number = getenv("MMSCODEC_MUTANT");
    const char *path = getenv("MMSCODEC_REACHED");
    const char *size = getenv("MMSCODEC_REACHED_SIZE");
    if (number) mmscodec_mutant = atoi(number);
    if (path && size) mutant_note(path, atol(size));
}
