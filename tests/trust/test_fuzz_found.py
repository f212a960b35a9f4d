"""Inputs that fuzzing found, each as the kind that it is."""

import ctypes
import struct
from base64 import b64decode

import pytest

from mmscodec import mms
from mmscodec.schema.mms import RESEND_SIGNATURE

#: As it was found: 24 bytes on the wire, of which 10 were captured.
SHORT_RESEND = b64decode("DfDvvv8ACAAA/w==")


def exact(data):
    """The bytes in memory of exactly their size: a sanitizer sees what is read behind them."""
    return (ctypes.c_uint8 * len(data)).from_buffer_copy(data)


@pytest.mark.parametrize("size", range(4, 13))
@pytest.mark.parametrize("incarnation", [0, 1, 255])
def test_a_datagram_shorter_than_the_header_of_a_resend_request_is_none(size, incarnation):
    """The count behind its end was read: two bytes behind the buffer, or of the next datagram."""
    head = struct.pack("<IBBHHH", RESEND_SIGNATURE, incarnation, 0, 8, 0, 0)[:size]
    following = struct.pack("<IBBH", 5, 4, 0, 8)
    batch = mms.decode(exact(head + following), transport="udp", datagrams=[size, 8])
    assert len(batch.messages) == (size == 12)
    for table in (batch.messages, batch.data):
        for row in table:
            start, end = int(row["offset"]), int(row["offset"]) + int(row["length"])
            assert 0 <= start < end <= size or (start, end) == (size, size + 8)
    assert (batch.data["offset"] == size).sum() == 1
    alone = mms.decode(exact(head), transport="udp", datagrams=[size])
    assert len(alone.messages) == (size == 12)


def test_the_input_as_it_was_found():
    batch = mms.decode(exact(SHORT_RESEND), transport="udp", datagrams=[len(SHORT_RESEND)])
    assert len(batch.messages) == 0
    assert batch.data["length"].tolist() == [8]
