# Memory of tables; see blocks.c for where it comes from.

# Resize a block from n to size[0] bytes, or to more where that costs nothing; size[0] says how many
# there are. p is NULL for a new block. NULL = no memory, and p is still good.
cdef void *resize_block(void *p, size_t n, size_t *size) noexcept nogil
cdef void free_block(void *p, size_t n) noexcept nogil
# Ask for huge pages in memory that somebody else allocated and nobody has touched yet.
cdef void advise_block(void *p, size_t n) noexcept nogil
