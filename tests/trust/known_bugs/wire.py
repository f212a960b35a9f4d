"""Packets whose lengths lie, made by hand."""

import ctypes
import struct

from mmscodec import mms
from mmscodec.schema import mms as schema

SESSION, SEAL = 0xB00BFACE, 0x20534D4D
#: Values at which lengths were mistaken, and those beside them.
EDGES = [0, 1, 7, 8, 15, 16, 31, 32, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 16, 2**32 - 1]


def packet(body, length=None, chunks=None):
    """A TcpMessageHeader packet with this messageLength and chunkCount, whatever they should be."""
    right = len(body) + 16
    head = struct.pack(
        "<IIIIIHHQ", 1, SESSION, right if length is None else length, SEAL,
        right // 8 if chunks is None else chunks, 0, 0, 0,
    )  # fmt: skip
    return head + body


def message(mid, body, chunks=None):
    """A message with its padding, or with another chunkLen than it has."""
    size = -(-(len(body) + 8) // 8) * 8
    return struct.pack("<II", size // 8 if chunks is None else chunks, mid) + body.ljust(
        size - 8, b"\0"
    )


def exactly(data):
    """The bytes in memory of exactly their size, so that a sanitizer sees one read too many."""
    return (ctypes.c_uint8 * len(data)).from_buffer_copy(data)


def looked_through(data, **options):
    """Everything that can be asked of the bytes, whole and byte by byte; the batch of the whole.

    Every row lies inside of them, and both ways give the same rows.
    """
    batch = mms.decode(exactly(data), **options)
    for table in (batch.packets, batch.messages, batch.data, batch.faults):
        assert (table["offset"] >= 0).all()
        assert (table["offset"] + table["length"].astype("i8") <= len(data)).all()
    for name in mms.MESSAGES:
        assert len(batch[name]) <= len(batch.messages)
        for field in schema.BY_NAME[name].variable:
            where = batch.extents(name, field.name)
            assert (where["offset"] >= 0).all()
            assert (where["offset"] + where["length"] <= len(data)).all()
            batch.column(name, field.name)
    assert batch.findings.text() is not None
    decoder, count = mms.Decoder(**options), 0
    for i in range(len(data)):
        count += len(decoder.feed(data[i : i + 1]).messages)
    assert count + len(decoder.close().messages) == len(batch.messages)
    return batch
