# Two threads over one source: one reads frames, the other follows connections.
from cpython.exc cimport PyErr_CheckSignals
from mmscodec._kernels.pcapfile.records cimport READ_MEMORY, READ_MORE, READ_OK
from mmscodec._kernels.track.handoff_queue cimport (
    HANDOFF_ITEMS, handoff_clear, handoff_fill, handoff_free, handoff_init, handoff_t, handoff_take,
)
from mmscodec._kernels.core.record cimport record_t
from mmscodec.capture._engine cimport Engine
from mmscodec.capture._merge cimport Merge
from mmscodec.capture._readahead cimport Readahead, readahead_for

import queue
import threading

cdef enum:
    BATCH = 64
    BLOCKS = 4


cdef class Handoff:
    """A block of segments between two threads."""

    cdef handoff_t block
    cdef bint last
    cdef int status

    def __cinit__(self):
        if handoff_init(&self.block) != 0:
            raise MemoryError

    def __dealloc__(self):
        handoff_free(&self.block)


cdef int fill(Engine engine, Merge merge, Handoff handoff) except -1:
    # as many frames as the block has room for
    cdef record_t batch[BATCH]
    cdef size_t count
    cdef int status = READ_OK, failed = 0
    with nogil:
        handoff_clear(&handoff.block)
        while (
            handoff.block.items.rows + BATCH <= HANDOFF_ITEMS and status == READ_OK and failed == 0
        ):
            status = merge.fill(batch, BATCH, &count)
            if engine.filter_function != NULL:
                count = engine.matching(batch, count)
            failed = handoff_fill(
                &handoff.block, &engine.track.network, &engine.track.flows,
                engine.track.options.ports, True, batch, count,
            )
    if failed != 0 or status == READ_MEMORY:
        raise MemoryError
    handoff.last = status != READ_OK and status != READ_MORE
    handoff.status = status
    if status == READ_MORE:
        merge.in_hand().more()
    return 0


def produce(Engine engine, Merge merge, empty, full):
    """The reading thread: blocks of records, until a turn or until it is told to stop by None."""
    cdef Handoff handoff
    try:
        while True:
            handoff = empty.get()
            if handoff is None:
                return
            fill(engine, merge, handoff)
            full.put(handoff)
            if handoff.last:
                return
    except BaseException as error:
        full.put(error)


def run_handoff(Engine engine, Merge merge):
    """Take all records with two threads where all sources in hand stay, else with one.

    The second one walks ahead of the first where frames are large, and works for it otherwise.
    Sources are begun and ended while only this thread runs. Returns when all have ended.
    RuntimeError while another call of the engine is under way.
    """
    engine.begin()
    try:
        take_all(engine, merge)
    finally:
        engine.busy = False


cdef int take_all(Engine engine, Merge merge) except -1:
    cdef int status
    cdef Readahead readahead
    while True:
        if not merge.all_stable():
            if engine.take_records(merge, None, False, True):
                return 0
            continue
        readahead = readahead_for(engine, merge)
        if readahead is not None:
            try:
                ended = engine.take_records(merge, None, False, True)
            finally:
                readahead.stop()
            if ended:
                return 0
            continue
        status = handoff_run(engine, merge)
        if not engine.turn(merge, status):
            return 0


cdef int handoff_run(Engine engine, Merge merge) except -1:
    # until a source is to be begun or has ended: the status that says so
    cdef Handoff handoff
    cdef int failed
    empty, full = queue.SimpleQueue(), queue.SimpleQueue()
    for _ in range(BLOCKS):
        empty.put(Handoff())
    reader = threading.Thread(
        target=produce, args=(engine, merge, empty, full), name="mmscodec-frames", daemon=True
    )
    reader.start()
    try:
        while True:
            item = full.get()
            if isinstance(item, BaseException):
                raise item
            handoff = item
            with nogil:
                failed = handoff_take(&handoff.block, &engine.track)
            if failed != 0:
                raise MemoryError
            PyErr_CheckSignals()
            if handoff.last:
                return handoff.status
            empty.put(handoff)
    finally:
        empty.put(None)
        reader.join()
