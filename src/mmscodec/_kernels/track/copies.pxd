# Copies of bytes that differ from those that were delivered: which of them is right?
#
# The first copy of a byte is kept, unless its checksum is wrong and that of a later one is right:
# then the later one takes its place. A copy whose own checksum is wrong contradicts nothing that is
# right. Of checksums that say nothing (cut, or left to the network card) no copy is better.
from libc.stdint cimport int64_t
from mmscodec._kernels.net.pieces cimport run_t
from mmscodec._kernels.track.extents cimport extents_t
from mmscodec._kernels.track.flow_table cimport connection_t
from mmscodec._kernels.track.sources cimport sources_t

cdef enum copies_t:
    COPIES_CONTRADICT = 0
    COPIES_MENDED = 1  # the flow has the right bytes now
    COPIES_DAMAGED = 2  # the later one is the damaged one

# About a run of which some bytes differ.
cdef copies_t copies_judge(
    extents_t *e, const sources_t *sources, const connection_t *c, int side, const run_t *run
) noexcept nogil
