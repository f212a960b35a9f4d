# Binding of the cipher kernels: buffers in, bytes out. Documented in cipher.py.
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy
from mmscodec._buffer cimport Buffer, RELEASE_GIL, raise_interrupt, readable, writable
from mmscodec._kernels.winmx cimport cipher as kernel
from mmscodec._kernels.winmx.handshake cimport (
    CLIENT_HEAD, HANDSHAKE_WINMX, SERVER_HEAD, handshake_judge, judgement_t,
)
from mmscodec._kernels.winmx.scan cimport streams_inside

import os


cdef bytes take_block(block):
    # exactly 16 bytes, copied
    cdef bytes copy = bytes(memoryview(block).cast("B"))
    if len(copy) != 16:
        raise ValueError(f"a key block has 16 bytes, not {len(copy)}")
    return copy


def make_key_block(int role, seed=None):
    """Key block for `role` from 16 random bytes; see `cipher.key_block`."""
    cdef bytes block = take_block(os.urandom(16) if seed is None else seed)
    cdef uint8_t b[16]
    memcpy(b, PyBytes_AS_STRING(block), 16)
    kernel.mix_key_block(b, <uint8_t>role)
    return PyBytes_FromStringAndSize(<char *>b, 16)


def tables():
    """What `kernel.copy_tables` gives."""
    cdef bytes out = PyBytes_FromStringAndSize(NULL, 5120)
    kernel.copy_tables(<uint8_t *>PyBytes_AS_STRING(out))
    return out


def check_key_block(block):
    """Role number in a key block, -1 when it does not check."""
    cdef bytes copy = take_block(block)
    return kernel.check_key_block(<const uint8_t *>PyBytes_AS_STRING(copy))


def mask_key_block(block):
    """The block under the mask of the patched clients."""
    cdef bytes copy = take_block(block)
    cdef uint8_t b[16]
    memcpy(b, PyBytes_AS_STRING(copy), 16)
    kernel.mask_key_block(b)
    return PyBytes_FromStringAndSize(<char *>b, 16)


def stream_keys(block, int role):
    """(server to client, client to server) states, None for a role without streams."""
    cdef bytes copy = take_block(block)
    cdef uint8_t down[4]
    cdef uint8_t up[4]
    if kernel.stream_keys(<const uint8_t *>PyBytes_AS_STRING(copy), role, down, up) != 0:
        return None
    return PyBytes_FromStringAndSize(<char *>down, 4), PyBytes_FromStringAndSize(<char *>up, 4)


cdef class Stream:
    """One direction of an enciphered connection: 4 bytes of state that every byte moves on.

    Parameters
    ----------
    state : buffer of 4 bytes
        k0, k1, k2, k3 as `stream_keys` gives them.

    Notes
    -----
    Section 6.3. Both ends step the state by the cipher bytes, so one object serves one
    direction, to encipher or to decipher. An object serves one thread at a time; a second one
    gets a RuntimeError. A call that a signal handler interrupts leaves the state as it was; bytes
    that it wrote to `out` are not to be used.
    """

    cdef uint8_t key[4]
    cdef bint busy

    def __init__(self, state):
        self.state = state

    @property
    def state(self):
        """The 4 state bytes now; assign to restart."""
        self.alone()
        return PyBytes_FromStringAndSize(<char *>self.key, 4)

    @state.setter
    def state(self, value):
        cdef bytes copy = bytes(memoryview(value).cast("B"))
        if len(copy) != 4:
            raise ValueError(f"a stream state has 4 bytes, not {len(copy)}")
        self.alone()
        memcpy(self.key, PyBytes_AS_STRING(copy), 4)

    def copy(self):
        """Another stream in the same state."""
        return Stream(self.state)

    def __reduce__(self):
        return type(self), (self.state,)

    def encipher(self, data):
        """Cipher bytes of `data`, as new bytes; moves the state on."""
        return self._run(data, None, True)

    def decipher(self, data):
        """Plain bytes of `data`, as new bytes; moves the state on."""
        return self._run(data, None, False)

    def encipher_into(self, data, out):
        """Encipher `data` into the writable buffer `out` of the same length, or itself."""
        self._run(data, out, True)

    def decipher_into(self, data, out):
        """Decipher `data` into the writable buffer `out` of the same length, or itself."""
        self._run(data, out, False)

    cdef int alone(self) except -1:
        # the state is moved on without the interpreter's lock
        if self.busy:
            raise RuntimeError("this stream is in use by another thread")
        return 0

    cdef object _run(self, data, out, bint forward):
        cdef Buffer source, target
        cdef uint8_t *dst
        cdef uint8_t before[4]
        cdef object result = None
        source = readable(data)
        self.alone()
        self.busy = True
        try:
            if out is None:
                result = PyBytes_FromStringAndSize(NULL, source.size)
                dst = <uint8_t *>PyBytes_AS_STRING(result)
            else:
                target = writable(out)
                dst = target.data
                if target.size != source.size:
                    raise ValueError(f"out has {target.size} bytes, data has {source.size}")
                if dst != source.data and dst < source.data + source.size \
                        and source.data < dst + source.size:
                    raise ValueError("out overlaps data without being the same memory")
            memcpy(before, self.key, 4)
            if source.size >= RELEASE_GIL:
                with nogil:
                    kernel.run_stream(source.data, dst, source.size, self.key, not forward)
            else:
                kernel.run_stream(source.data, dst, source.size, self.key, not forward)
            try:
                raise_interrupt()
            except BaseException:
                memcpy(self.key, before, 4)
                raise
        finally:
            self.busy = False
        return result

    def __repr__(self):
        return f"Stream({self.state!r})"


def run_many(streams, chunks, bint forward):
    """Each chunk through its own stream, side by side; see `cipher.decipher_many`."""
    cdef list streams_ = list(streams)
    cdef list chunks_ = list(chunks)
    cdef size_t count = len(streams_)
    cdef size_t i, marked = 0
    cdef size_t total = 0
    cdef kernel.lane_t *lanes
    cdef list out = [], held = []
    cdef Buffer source
    cdef Stream stream
    cdef bytes piece
    cdef list before = []
    if count != <size_t>len(chunks_):
        raise ValueError(f"{count} streams but {len(chunks_)} chunks")
    lanes = <kernel.lane_t *>calloc(count + 1, sizeof(kernel.lane_t))
    try:
        if lanes == NULL:
            raise MemoryError
        for i in range(count):
            stream = streams_[i]
            if stream.busy:
                raise RuntimeError("a stream is in use elsewhere, or stands twice in the list")
            stream.busy = True
            marked += 1
            source = readable(chunks_[i])
            held.append(source)
            piece = PyBytes_FromStringAndSize(NULL, source.size)
            out.append(piece)
            lanes[i].src = source.data
            lanes[i].dst = <uint8_t *>PyBytes_AS_STRING(piece)
            lanes[i].length = source.size
            lanes[i].key = stream.key
            total += source.size
        for stream in streams_:
            before.append(PyBytes_FromStringAndSize(<char *>stream.key, 4))
        if total >= RELEASE_GIL:
            with nogil:
                lanes_run(lanes, count, forward)
        else:
            lanes_run(lanes, count, forward)
        try:
            raise_interrupt()
        except BaseException:
            for i in range(count):
                memcpy((<Stream>streams_[i]).key, PyBytes_AS_STRING(before[i]), 4)
            raise
    finally:
        for i in range(marked):
            (<Stream>streams_[i]).busy = False
        free(lanes)
    return out


cdef inline void lanes_run(kernel.lane_t *lanes, size_t count, bint forward) noexcept nogil:
    if forward:
        kernel.encipher_lanes(lanes, count)
    else:
        kernel.decipher_lanes(lanes, count)


cdef enum:
    UDP_ENCIPHER
    UDP_DECIPHER
    LEGACY_ENCODE
    LEGACY_DECODE


cdef bytes in_place(data, int what):
    # a copy of `data`, worked on
    cdef bytes out = bytes(memoryview(data).cast("B"))
    cdef Py_ssize_t length = len(out)
    cdef uint8_t *p
    if length < 2:  # small bytes objects are shared by the interpreter
        return out
    out = PyBytes_FromStringAndSize(PyBytes_AS_STRING(out), length)
    p = <uint8_t *>PyBytes_AS_STRING(out)
    with nogil:
        if what == UDP_ENCIPHER:
            kernel.udp_encipher(p, length)
        elif what == UDP_DECIPHER:
            kernel.udp_decipher(p, length)
        elif what == LEGACY_ENCODE:
            kernel.legacy_encode(p, length)
        else:
            kernel.legacy_decode(p, length)
    raise_interrupt()
    return out


def udp_encipher(data):
    """Datagram enciphered; see `cipher`."""
    return in_place(data, UDP_ENCIPHER)


def udp_decipher(data):
    """Datagram deciphered; see `cipher`."""
    return in_place(data, UDP_DECIPHER)


def legacy_encode(data):
    """WPNP 2.x encoding of at least 2 bytes; see `cipher`."""
    return in_place(data, LEGACY_ENCODE)


def legacy_decode(data):
    """The inverse of `legacy_encode`."""
    return in_place(data, LEGACY_DECODE)


def cache_run(data, start, bint forward):
    """Records of a peer-cache list through the chain from `start`."""
    cdef bytes key = bytes(memoryview(start).cast("B"))
    cdef bytes source = bytes(memoryview(data).cast("B"))
    cdef Py_ssize_t records = len(source) // 12
    cdef bytes out
    cdef const uint8_t *src = <const uint8_t *>PyBytes_AS_STRING(source)
    cdef const uint8_t *k = <const uint8_t *>PyBytes_AS_STRING(key)
    cdef uint8_t *dst
    if len(key) != 12:
        raise ValueError(f"a start value has 12 bytes, not {len(key)}")
    if len(source) != records * 12:
        raise ValueError(f"records have 12 bytes each; {len(source)} is no multiple")
    if records == 0:
        return b""
    out = PyBytes_FromStringAndSize(NULL, records * 12)
    dst = <uint8_t *>PyBytes_AS_STRING(out)
    with nogil:
        if forward:
            kernel.cache_encipher(src, dst, records, k)
        else:
            kernel.cache_decipher(src, dst, records, k)
    raise_interrupt()
    return out


def hash_step(bytearray state, block):
    """One block of a file into the 16-byte hash state."""
    cdef Buffer view = readable(block)
    cdef uint8_t h[16]
    if len(state) != 16:
        raise ValueError("the hash state has 16 bytes")
    memcpy(h, <const char *>state, 16)
    with nogil:
        kernel.hash_block(h, view.data, view.size)
    raise_interrupt()
    state[:] = PyBytes_FromStringAndSize(<char *>h, 16)


cdef packed struct judged_t:
    # JUDGED of groups.py
    uint8_t verdict
    uint8_t link
    uint8_t keys  # are there
    uint8_t client_block  # the client's key block checks
    uint8_t to_client[4]
    uint8_t to_server[4]


cdef void judge_pair(
    const uint8_t *src, const int64_t *starts, const int64_t *lengths, judged_t *out
) noexcept nogil:
    # the client's stream and the server's behind it
    cdef const uint8_t *client = src + starts[0]
    cdef const uint8_t *server = src + starts[1]
    cdef size_t said = <size_t>min(lengths[0], <int64_t>CLIENT_HEAD)
    cdef uint8_t block[16]
    cdef judgement_t found
    handshake_judge(client, said, server, <size_t>min(lengths[1], <int64_t>SERVER_HEAD), &found)
    out.verdict, out.link = <uint8_t>found.verdict, <uint8_t>found.link
    out.keys = found.verdict == HANDSHAKE_WINMX and found.keys
    out.client_block = said == CLIENT_HEAD and kernel.check_key_block(client) >= 0
    if out.keys:
        memcpy(block, server + 1, 16)
        if found.patched:
            kernel.mask_key_block(block)
        out.keys = kernel.stream_keys(block, found.role, out.to_client, out.to_server) == 0


cdef inline size_t set_lane(
    kernel.lane_t *lane, uint8_t *p, int64_t length, size_t head, uint8_t *key
) noexcept nogil:
    # what stands behind the handshake of a stream: 1, or 0 where nothing does
    if length <= <int64_t>head:
        return 0
    lane.src = lane.dst = p + head
    lane.length = <size_t>length - head
    lane.key = key
    return 1


def decipher_pairs(data, starts, lengths, judged):
    """Recognise connections and decipher those of known keys, where they are.

    Parameters
    ----------
    data : writable buffer
    starts, lengths : arrays of int64
        Where in `data` the streams are, from their first byte on: a client's, its server's, ...
    judged : array of `JUDGED`
        Filled, a row for each connection.
    """
    cdef Buffer bytes_ = writable(data), first = readable(starts), size = readable(lengths)
    cdef Buffer out = writable(judged)
    cdef const int64_t *start = <const int64_t *>first.data
    cdef const int64_t *length = <const int64_t *>size.data
    cdef judged_t *row = <judged_t *>out.data
    cdef size_t i, count = out.size // sizeof(judged_t), lanes = 0
    cdef kernel.lane_t *lane
    if first.size != count * 16 or size.size != first.size:
        raise ValueError("two streams a connection")
    if streams_inside(start, length, 2 * count, bytes_.size) != 2 * count:
        raise ValueError("a stream does not lie in the buffer")
    lane = <kernel.lane_t *>calloc(2 * count + 1, sizeof(kernel.lane_t))
    if lane == NULL:
        raise MemoryError
    with nogil:
        for i in range(count):
            judge_pair(bytes_.data, start + 2 * i, length + 2 * i, row + i)
            if row[i].keys:
                lanes += set_lane(
                    lane + lanes, bytes_.data + start[2 * i], length[2 * i], CLIENT_HEAD,
                    row[i].to_server)
                lanes += set_lane(
                    lane + lanes, bytes_.data + start[2 * i + 1], length[2 * i + 1], SERVER_HEAD,
                    row[i].to_client)
        kernel.decipher_lanes(lane, lanes)
    free(lane)
    raise_interrupt()


LINKS = ("", "primary", "secondary", "chat", "cache", "transfer")


def judge_handshake(bytes client, bytes server):
    """(verdict, link, role of the server's key block or -1, under the mask); see recognition.py.

    Verdicts: 0 no WinMX connection, 1 more bytes decide, 2 a client that was not answered, 3 WinMX.
    """
    cdef judgement_t found
    handshake_judge(
        <const uint8_t *>PyBytes_AS_STRING(client), len(client),
        <const uint8_t *>PyBytes_AS_STRING(server), len(server), &found)
    return <int>found.verdict, LINKS[<int>found.link], found.role if found.keys else -1, \
        bool(found.patched)
