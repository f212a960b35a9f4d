# A second thread for a capture of large frames: it walks ahead and touches what will be needed.
#
# What takes the time there is waiting for memory, and for pages to be mapped; so nothing is handed
# over, and the results are those of one thread. Small frames come faster than they can be waited
# for: of these one thread finds the segments and the other takes them, see _handoff.pyx.
from libc.stdint cimport uint8_t, uint64_t
from mmscodec._buffer cimport readable
from mmscodec._kernels.pcapfile.reader cimport reader_batch, reader_free, reader_init
from mmscodec._kernels.pcapfile.records cimport READ_FAULT, READ_OK, reader_t
from mmscodec._kernels.core.record cimport record_t
from mmscodec.capture._engine cimport Engine
from mmscodec.capture._merge cimport Merge
from mmscodec.capture._record_reader cimport RecordReader

import threading

cdef extern from "mmscodec_atomic.h" nogil:
    void cpu_relax() noexcept
    uint64_t shared_load(const uint64_t *p) noexcept
    void shared_store(uint64_t *p, uint64_t v) noexcept

cdef enum:
    BATCH = 64
    SAMPLE = 512  # records that tell how large frames are
    LARGE = 512  # bytes of a frame
    LEAST = 8 << 20  # bytes of a file that is worth a thread
    LEAD = 4 << 20  # bytes ahead, which a processor's cache can hold


cdef class Readahead:
    """Walks ahead of an engine through the one source that it is at the start of."""

    cdef int start(self) except -1:
        self.engine.at = self.base
        self.thread = threading.Thread(target=self.walk, name="mmscodec-readahead", daemon=True)
        self.thread.start()
        return 0

    def walk(self):
        """What the thread does; the bytes that it looks at mean nothing to it."""
        cdef const uint64_t *at
        if self.engine is None:  # made without its parts: there is nothing to be ahead of
            return
        at = &self.engine.at
        with nogil:
            self.ahead(at)

    cdef int stop(self) except -1:
        shared_store(&self.told, 1)
        self.thread.join()
        return 0

    cdef uint64_t ahead(self, const uint64_t *at) noexcept nogil:
        cdef reader_t reader
        cdef record_t batch[BATCH]
        cdef size_t pos = 0, count, i
        cdef int status = READ_OK
        cdef uint64_t seen = 0
        cdef const uint8_t *buf = self.view.data
        reader_init(&reader)
        reader.base = self.base
        reader.final = True
        while (status == READ_OK or status == READ_FAULT) and not shared_load(&self.told):
            status = reader_batch(&reader, buf, self.view.size, &pos, batch, BATCH, &count)
            for i in range(count):
                if batch[i].caplen > 64:
                    seen += batch[i].data[64]
            while self.base + pos > shared_load(at) + LEAD and not shared_load(&self.told):
                cpu_relax()
        reader_free(&reader)
        return seen


cdef bint has_large_frames(const uint8_t *buf, size_t size) noexcept nogil:
    cdef reader_t reader
    cdef record_t batch[BATCH]
    cdef size_t pos = 0, count = 0, records = 0
    cdef int status = READ_OK
    reader_init(&reader)
    reader.final = True
    while records < SAMPLE and status == READ_OK:
        status = reader_batch(&reader, buf, size, &pos, batch, BATCH, &count)
        records += count
    reader_free(&reader)
    return records != 0 and pos // records >= LARGE


cdef Readahead readahead_for(Engine engine, Merge merge):
    """A readahead that is on its way, or None where it would be of no use."""
    cdef Readahead readahead
    cdef RecordReader walker
    if merge.inputs != 1 or not merge.all_stable():
        return None
    walker = merge.in_hand()
    if walker.walk.reader.records != 0 or walker.source.size < LEAST:
        return None
    readahead = Readahead()
    readahead.engine = engine
    buffer, base = walker.source.mapping()
    readahead.base = base
    readahead.view = readable(buffer)
    if not has_large_frames(readahead.view.data, readahead.view.size):
        return None
    readahead.start()
    walker.source.read_ahead = True
    return readahead
