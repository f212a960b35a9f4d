# cython: binding=False
# Columns as Arrow capsules, without any library. What is exported is described by tuples; every
# struct owns what it points to: names and formats as Python bytes, columns as holders of buffers.
# Consumers release from any thread, with or without the GIL.
from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree
from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_IsValid, PyCapsule_New
from cpython.ref cimport Py_DECREF, Py_INCREF, PyObject
from libc.errno cimport EINVAL, EIO, ENOMEM
from libc.stddef cimport size_t
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t
from mmscodec._buffer cimport Buffer, raise_interrupt, readable, writable
from mmscodec._kernels.text cimport lines as line
from mmscodec._kernels.text cimport spans as kernel

import numpy as np

cdef extern from "Python.h":
    bint Py_IsInitialized() nogil
    void PyErr_SetInterrupt()


ctypedef fused node_t:
    ArrowSchema
    ArrowArray

cdef struct own_t:
    # what a schema or an array owns, in its private_data
    PyObject *held  # a tuple of bytes, or of buffers
    void *nodes  # children, then the dictionary
    void **pointers
    const void **buffers  # of an array


cdef void drop(PyObject *held) noexcept with gil:
    Py_DECREF(<object>held)


cdef void release(node_t *node) noexcept nogil:
    cdef own_t *own = <own_t *>node.private_data
    cdef int64_t i
    for i in range(node.n_children):
        if node.children[i].release != NULL:
            node.children[i].release(node.children[i])
    if node.dictionary != NULL and node.dictionary.release != NULL:
        node.dictionary.release(node.dictionary)
    node.release = NULL
    # behind the end of the interpreter there is nothing to give back to
    if own.held != NULL and Py_IsInitialized():
        drop(own.held)
    PyMem_RawFree(own.nodes)
    PyMem_RawFree(own.pointers)
    PyMem_RawFree(<void *>own.buffers)
    PyMem_RawFree(own)


cdef void *room(size_t count, size_t size) except NULL:
    # zeros, for at least one item
    cdef void *memory = PyMem_RawCalloc(count if count else 1, size)
    if memory == NULL:
        raise MemoryError
    return memory


cdef PyObject *kept(object held) noexcept:
    Py_INCREF(held)
    return <PyObject *>held


cdef int begin(node_t *out, tuple held, size_t children) except -1:
    # from here on `release` gives back whatever is there
    cdef own_t *own = <own_t *>room(1, sizeof(own_t))
    out.private_data = own
    out.release = release[node_t]
    out.n_children = 0
    out.dictionary = NULL
    own.held = kept(held)
    own.nodes = room(children + 1, sizeof(node_t))
    own.pointers = <void **>room(children + 1, sizeof(void *))
    out.children = <node_t **>own.pointers
    return 0


cdef int describe(ArrowSchema *out, tuple node) except -1:
    # node: format, name, metadata or None, flags, children, dictionary or None
    if len(node) != 6:
        raise TypeError("a schema is a tuple of six")
    begin(out, node[:3], len(node[4]))
    out.flags = node[3]
    out.format = <const char *>node[0]
    out.name = <const char *>node[1]
    out.metadata = <const char *>node[2] if node[2] is not None else NULL
    return 0


cdef int lend(ArrowArray *out, tuple node) except -1:
    # node: length, count of nulls, buffers or None each, children, dictionary or None
    cdef Py_ssize_t i
    cdef Buffer buffer
    cdef tuple held
    cdef own_t *own
    if len(node) != 5:
        raise TypeError("an array is a tuple of five")
    held = tuple([None if item is None else readable(item) for item in node[2]])
    begin(out, held, len(node[3]))
    own = <own_t *>out.private_data
    out.length, out.null_count, out.offset = node[0], node[1], 0
    own.buffers = <const void **>room(len(held), sizeof(void *))
    out.buffers = own.buffers
    out.n_buffers = len(held)
    for i in range(len(held)):
        if held[i] is not None:
            buffer = held[i]
            own.buffers[i] = buffer.data
    return 0


cdef int fill(node_t *out, tuple node) except -1:
    # children and dictionary are the last two of a node
    cdef node_t *nodes
    cdef tuple child
    out.release = NULL
    try:
        if node_t is ArrowSchema:
            describe(out, node)
        else:
            lend(out, node)
        nodes = <node_t *>(<own_t *>out.private_data).nodes
        for child in node[len(node) - 2]:
            out.children[out.n_children] = &nodes[out.n_children]
            out.n_children += 1
            fill(&nodes[out.n_children - 1], child)
        if node[len(node) - 1] is not None:
            out.dictionary = &nodes[out.n_children]
            fill(out.dictionary, node[len(node) - 1])
    except BaseException:
        if out.release != NULL:
            out.release(out)
        raise
    return 0


cdef void free_schema(object capsule) noexcept:
    cdef ArrowSchema *schema = <ArrowSchema *>PyCapsule_GetPointer(capsule, b"arrow_schema")
    if schema.release != NULL:  # nobody took it
        schema.release(schema)
    PyMem_RawFree(schema)


cdef void free_array(object capsule) noexcept:
    cdef ArrowArray *array = <ArrowArray *>PyCapsule_GetPointer(capsule, b"arrow_array")
    if array.release != NULL:
        array.release(array)
    PyMem_RawFree(array)


cdef void free_stream(object capsule) noexcept:
    cdef ArrowArrayStream *stream
    stream = <ArrowArrayStream *>PyCapsule_GetPointer(capsule, b"arrow_array_stream")
    if stream.release != NULL:
        stream.release(stream)
    PyMem_RawFree(stream)


def schema_capsule(tuple node):
    """A capsule `arrow_schema` of (format, name, metadata, flags, children, dictionary)."""
    cdef ArrowSchema *schema = <ArrowSchema *>room(1, sizeof(ArrowSchema))
    try:
        fill(schema, node)
        return PyCapsule_New(schema, b"arrow_schema", free_schema)
    except BaseException:
        PyMem_RawFree(schema)
        raise


def array_capsule(tuple node):
    """A capsule `arrow_array` of (length, null count, buffers, children, dictionary)."""
    cdef ArrowArray *array = <ArrowArray *>room(1, sizeof(ArrowArray))
    try:
        fill(array, node)
        return PyCapsule_New(array, b"arrow_array", free_array)
    except BaseException:
        PyMem_RawFree(array)
        raise


# What a stream goes on from is a list: its schema, an iterator of arrays, the text of an error.
cdef int failed(list state, error) noexcept:
    state[2] = f"{type(error).__name__}: {error}".encode("utf-8", "replace")
    if isinstance(error, KeyboardInterrupt):  # a reader knows numbers alone: Python hears it again
        PyErr_SetInterrupt()
    if isinstance(error, MemoryError):
        return ENOMEM
    return EINVAL if isinstance(error, ValueError) else EIO


cdef int stream_schema(ArrowArrayStream *stream, ArrowSchema *out) noexcept with gil:
    cdef list state = <list>stream.private_data
    try:
        fill(out, state[0])
        return 0
    except BaseException as error:
        return failed(state, error)


cdef int stream_next(ArrowArrayStream *stream, ArrowArray *out) noexcept with gil:
    cdef list state = <list>stream.private_data
    out.release = NULL
    try:
        node = next(state[1], None)
        if node is not None:
            fill(out, node)
        return 0
    except BaseException as error:
        return failed(state, error)


cdef const char *stream_error(ArrowArrayStream *stream) noexcept with gil:
    return <const char *>(<bytes>(<list>stream.private_data)[2])


cdef void release_stream(ArrowArrayStream *stream) noexcept nogil:
    stream.release = NULL
    if Py_IsInitialized():
        drop(<PyObject *>stream.private_data)


def stream_capsule(tuple schema, arrays):
    """A capsule `arrow_array_stream` of a schema and an iterator of arrays, both as tuples."""
    cdef ArrowArrayStream *stream = <ArrowArrayStream *>room(1, sizeof(ArrowArrayStream))
    stream.get_schema, stream.get_next = stream_schema, stream_next
    stream.get_last_error, stream.release = stream_error, release_stream
    stream.private_data = kept([schema, arrays, b""])
    return PyCapsule_New(stream, b"arrow_array_stream", free_stream)


def formats(capsule):
    """{column: format} of a capsule `arrow_schema` of a struct, such as a consumer asks for."""
    cdef ArrowSchema *schema
    cdef int64_t i
    if not PyCapsule_IsValid(capsule, b"arrow_schema"):
        raise TypeError("requested_schema is a capsule called arrow_schema")
    schema = <ArrowSchema *>PyCapsule_GetPointer(capsule, b"arrow_schema")
    if schema.release == NULL:
        raise ValueError("requested_schema was released")
    out = {}
    for i in range(schema.n_children):
        out[schema.children[i].name.decode()] = schema.children[i].format.decode()
    return out


cdef const void *column(list held, values) except? NULL:
    cdef Buffer buffer = readable(values)
    held.append(buffer)
    return buffer.data


cdef list parts_of(kernel.spans_t *out, list sources, which, starts, lengths):
    # the struct for the kernel; the list holds what it points to. Columns are contiguous.
    cdef list held = []
    cdef Buffer buffer
    cdef size_t i, count = len(sources)
    pointers, sizes = np.empty(count, np.uintp), np.empty(count, np.uintp)
    out.source_count, out.count, out.which = count, len(starts), NULL
    if len(lengths) != len(starts) or (which is not None and len(which) != len(starts)):
        raise ValueError("columns differ in length")
    out.sources = <const uint8_t **>column(held, pointers)
    out.sizes = <const size_t *>column(held, sizes)
    for i in range(count):
        buffer = readable(sources[i])
        held.append(buffer)
        out.sources[i] = buffer.data
        (<size_t *>out.sizes)[i] = buffer.size
    if which is not None:
        out.which = <const int32_t *>column(held, np.ascontiguousarray(which, np.int32))
    out.starts = <const int64_t *>column(held, np.ascontiguousarray(starts, np.int64))
    out.lengths = <const int64_t *>column(held, np.ascontiguousarray(lengths, np.int64))
    return held


cdef int check(int status) except -1:
    if status == kernel.SPANS_OUTSIDE:
        raise IndexError("a field reaches outside of its source")
    if status == kernel.SPANS_LONG:
        raise OverflowError("more bytes than an offset of 32 bits counts")
    return 0


def spans(list sources, which, starts, lengths, int how, int nul, page, size_t bound):
    """Parts of buffers as one column of bytes or UTF-8.

    Parameters
    ----------
    sources : sequence of buffers
    which, starts, lengths : numpy.ndarray or None
        Of each row: number of its source (None: the first), offset and length there.
    how, nul : int
        See `_kernels/text`.
    page : numpy.ndarray of uint16 or None
        The characters of an 8-bit encoding.
    bound : int
        The most bytes that can come out.

    Returns
    -------
    offsets, data : numpy.ndarray
        int32, one more than rows; uint8.

    Raises
    ------
    IndexError
        A part is not in its source.
    OverflowError
        More than 2 GiB.
    """
    cdef kernel.spans_t parts
    cdef list _held = parts_of(&parts, sources, which, starts, lengths)
    offsets, data = np.empty(parts.count + 1, np.int32), np.empty(bound, np.uint8)
    cdef Buffer offset_room = writable(offsets), room_ = writable(data), page_room = None
    cdef const uint16_t *letters = NULL
    cdef int status = 0
    if how == kernel.FROM_PAGE:
        page_room = readable(page)
        if page_room.size != 512:
            raise ValueError("a page has 256 characters")
        letters = <const uint16_t *>page_room.data
    with nogil:
        status = kernel.write_spans(
            &parts, how, nul, letters, <int32_t *>offset_room.data, room_.data)
    raise_interrupt()
    check(status)
    return offsets, data[:offsets[len(offsets) - 1]]


def views(list sources, which, starts, lengths):
    """Parts of buffers as Arrow views of 16 bytes (uint8 array) into those buffers."""
    cdef kernel.spans_t parts
    cdef list _held = parts_of(&parts, sources, which, starts, lengths)
    out = np.empty(16 * parts.count, np.uint8)
    cdef Buffer made = writable(out)
    cdef int status = 0
    with nogil:
        status = kernel.write_views(&parts, made.data)
    raise_interrupt()
    check(status)
    return out


def places(values, keys):
    """Where each value (int64) stands among the ascending `keys` (int64): int32, -1 = nowhere."""
    out = np.empty(len(values), np.int32)
    cdef Buffer source = readable(values), sorted_ = readable(keys), held = writable(out)
    if source.size != 8 * <size_t>len(out):
        raise TypeError("values are int64")
    with nogil:
        kernel.write_places(
            <const int64_t *>source.data, source.size // 8, <const int64_t *>sorted_.data,
            sorted_.size // 8, <int32_t *>held.data)
    raise_interrupt()
    return out


cdef const uint8_t *bytes_of(list held, values, size_t *size) except? NULL:
    cdef Buffer buffer
    size[0] = 0
    if values is None:
        return NULL
    buffer = readable(values)
    held.append(buffer)
    size[0] = buffer.size
    return buffer.data


cdef const int64_t *ints_of(list held, values, size_t *count) except? NULL:
    count[0] = 0
    if values is None:
        return NULL
    values = np.ascontiguousarray(values)
    if values.dtype.itemsize != 8 or not values.dtype.isnative or values.dtype.kind not in "iu":
        values = values.astype(np.int64)
    return <const int64_t *>bytes_of(held, values, count)


cdef int fill_op(line.op_t *op, tuple node, list held) except -1:
    # node: code, arg, ints, mask, data, null, ends, spans, page
    cdef size_t size
    op.code, op.arg = node[0], node[1]
    op.ints = ints_of(held, node[2], &size)
    op.count = size // 8
    if op.code == line.REPEAT:
        if op.count == 0:
            raise ValueError("items have one more end than rows")
        op.count -= 1
    if node[7] is not None:
        sources, which, starts, lengths = node[7]
        held += parts_of(&op.spans, list(sources), which, starts, lengths)
        op.count = op.spans.count
    op.mask = bytes_of(held, node[3], &size)
    if op.code == line.SKIP:
        op.count = size
    elif op.mask != NULL and size != op.count:
        raise ValueError("a mask has as many rows as its column")
    op.data = bytes_of(held, node[4], &op.size)
    op.null = bytes_of(held, node[5], &op.null_size)
    op.ends = ints_of(held, node[6], &size)
    op.words = size // 8 - 1 if size else 0
    if op.words and (node[6][0] < 0 or node[6][op.words] > <Py_ssize_t>op.size
                     or (np.diff(node[6]) < 0).any()):
        raise ValueError("a word reaches outside of its text")
    op.page = <const uint16_t *>bytes_of(held, node[8], &size)
    if op.page != NULL and size != 512:
        raise ValueError("a page has 256 characters")
    return 0


cdef class Lines:
    """Rows as text, in blocks of bytes that end where a line does: an iterator.

    Parameters
    ----------
    programs : list of list of tuple
        Operations as `tables/lines.py` makes them.
    which, rows : numpy.ndarray of int64
        Of each line: its program, and the row there.
    """

    cdef line.op_t *ops
    cdef size_t *starts
    cdef list held
    cdef Buffer which, rows
    cdef size_t count, done, room

    def __cinit__(self, list programs, which, rows):
        cdef size_t at = 0, number = 0
        cdef list program
        self.held, self.room = [], 1 << 18
        self.ops = <line.op_t *>room(sum(map(len, programs)), sizeof(line.op_t))
        self.starts = <size_t *>room(len(programs) + 1, sizeof(size_t))
        for program in programs:
            for node in program:
                fill_op(&self.ops[at], node, self.held)
                at += 1
                if self.ops[at - 1].arg < 0:
                    raise ValueError("an operation goes backwards")
            number += 1
            self.starts[number] = at
            check_ends(&self.ops[self.starts[number - 1]], &self.ops[at])
        if len(which) != len(rows) or (len(which) and not 0 <= which.min() <= which.max() < number):
            raise ValueError("each line has a program and a row")
        self.count, self.done = len(which), 0
        self.which = readable(np.ascontiguousarray(which, np.int64))
        self.rows = readable(np.ascontiguousarray(rows, np.int64))

    def __dealloc__(self):
        PyMem_RawFree(self.ops)
        PyMem_RawFree(self.starts)

    def __iter__(self):
        return self

    def __next__(self):
        cdef line.out_t out
        cdef Buffer held
        cdef int status
        if self.done >= self.count:
            raise StopIteration
        while True:
            made = np.empty(self.room, np.uint8)
            held = writable(made)
            out.data, out.at, out.size, out.cell = held.data, 0, held.size, 0
            out.moment.text[0] = 0
            with nogil:
                status = line.write_lines(
                    self.ops, self.starts, <const int64_t *>self.which.data,
                    <const int64_t *>self.rows.data, self.count, &self.done, &out)
            if status == line.LINES_OUTSIDE:
                raise IndexError("a value reaches outside of its column or source")
            if out.at:
                return made[:out.at].tobytes()
            self.room *= 2  # not even one line


cdef int check_ends(const line.op_t *op, const line.op_t *end) except -1:
    # no operation leads out of its program, and each has the columns that it reads
    while op < end:
        if op.code in (line.SKIP, line.JUMP, line.REPEAT) and op.arg > end - op - 1:
            raise ValueError("an operation leads out of its program")
        if op.code == line.SKIP:
            if op.mask == NULL and op.count:
                raise ValueError("nothing says what to skip")
        elif line.JSON_UTF16 <= op.code <= line.HEX or op.code == line.CELL_UTF8:
            if op.spans.lengths == NULL and op.count:
                raise ValueError("an operation without its parts")
        elif op.code not in (line.LITERAL, line.JUMP, line.OPEN, line.CLOSE, line.STRIP):
            if not line.INTEGER <= op.code <= line.SECONDS or (op.ints == NULL and op.count):
                raise ValueError("an operation without its column, or none")
        op += 1
    return 0
