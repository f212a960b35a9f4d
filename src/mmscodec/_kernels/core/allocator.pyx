# The one owner of the memory that waits for the next table.
cdef extern from "blocks.c" nogil:
    void *block_resize(void *p, size_t n, size_t *size) noexcept
    void block_free(void *p, size_t n) noexcept
    size_t block_limit(size_t limit) noexcept
    void block_advise(void *p, size_t n) noexcept
    size_t block_asked() noexcept


cdef void *resize_block(void *p, size_t n, size_t *size) noexcept nogil:
    return block_resize(p, n, size)


cdef void free_block(void *p, size_t n) noexcept nogil:
    block_free(p, n)


cdef void advise_block(void *p, size_t n) noexcept nogil:
    block_advise(p, n)


def keep_memory(size_t limit):
    """Set how much memory of tables that are gone is kept for the next ones.

    A kernel clears every page that it hands out, which takes longer than writing rows into it, so
    blocks of 4 MiB and more are kept when their last array goes. This happens on Linux alone.

    Parameters
    ----------
    limit : int
        Bytes, 128 MiB at first. What is kept above it is given back at once; 0 keeps nothing.

    Returns
    -------
    int
        The limit before.
    """
    return block_limit(limit)


def allocations():
    """How often tables asked for memory since the package was imported."""
    return block_asked()
