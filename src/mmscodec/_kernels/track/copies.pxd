# Bytes that came again: do they differ from those that were delivered, and which of them is right?
#
# The first copy of a byte is kept, unless its checksum is wrong and that of a later one is right:
# then the later one takes its place. A copy whose own checksum is wrong contradicts nothing that is
# right. Of checksums that say nothing (cut, or left to the network card) no copy is better. Copies
# of bytes that wait behind a hole are judged by the same rule, in pieces.pyx.
from libc.stdint cimport int64_t, uint64_t
from mmscodec._kernels.net.pieces cimport checksum_t, run_t
from mmscodec._kernels.track.extents cimport extents_t
from mmscodec._kernels.track.flow_table cimport connection_t
from mmscodec._kernels.track.mended cimport mended_t
from mmscodec._kernels.track.sources cimport sources_t

cdef struct comparison_t:
    int64_t compared  # bytes that there was anything to compare with
    int64_t differ  # of them, those that contradict what was delivered
    int64_t mended  # those that took the place of damaged ones
    bint damaged  # others are damaged where what was delivered is right

# What the checksum says of the segment whose payload is at a place; unknown where its frame can
# not be read now.
cdef checksum_t copies_checksum(
    const sources_t *sources, const connection_t *c, int side, uint64_t place
) noexcept nogil
# Compare a run of bytes that came again. 0, or -1 without memory.
cdef int copies_compare(
    extents_t *e, const sources_t *sources, mended_t *mended, const connection_t *c, int side,
    const run_t *run, comparison_t *out
) noexcept nogil
