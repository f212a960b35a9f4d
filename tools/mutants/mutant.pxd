cdef extern from "mutant.h" nogil:
    bint MUT(int number) noexcept
