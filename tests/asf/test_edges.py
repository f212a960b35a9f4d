"""Packets and extents at the edges of the rules: fields too small, half of the padding cut off."""

import struct

import numpy as np
import pytest

from mmscodec.asf._write import PacketWriter, key_frames
from mmscodec.asf.plan import PLAN
from mmscodec.capture.dtypes import EXTENTS
from tests.asf import make
from tests.asf.test_padding import packet, payload

MENDED, WIDENED, IMPLIED, UNMENDED, FILLER, TORN = range(1, 7)
FIELD = slice(5, 7)  # a padding length of two bytes in a packet without a length


def sent(whole, cut, says):
    """A packet of which `cut` bytes of padding are missing, with this in its padding length."""
    short = bytearray(whole[: len(whole) - cut])
    short[FIELD] = struct.pack("<H", says)
    return bytes(short)


@pytest.mark.parametrize(("pad", "cut"), [(50, 20), (50, 49), (3, 1), (300, 299)])
def test_a_part_of_the_padding_was_cut_off_and_said(pad, cut):
    for body, total in ((b"\1" * 40, None), (b"\1" * 40, 900)):  # the object ends here, or goes on
        whole = packet([payload(body, total=total)], pad)
        found, state = make.mended(sent(whole, cut, pad - cut), len(whole))
        assert found == whole
        assert state == MENDED


@pytest.mark.parametrize(("pad", "cut"), [(50, 20), (50, 49), (9, 8)])
def test_a_part_of_the_padding_was_cut_off_and_its_length_left(pad, cut):
    whole = packet([payload(b"\1" * 40, total=900)], pad)
    found, state = make.mended(sent(whole, cut, pad), len(whole))
    assert found == whole
    assert state == MENDED


@pytest.mark.parametrize("says", [31, 45, 60, 200])
def test_padding_that_would_reach_into_the_payload_is_what_was_cut_off(says):
    short = sent(packet([payload(b"\1\2\3", total=900)], 0), 0, says)
    found, state = make.mended(short, len(short) + 30)
    assert found == short[:5] + struct.pack("<H", 30) + short[7:] + bytes(30)
    assert state == MENDED


@pytest.mark.parametrize("says", [4, 10, 29])
def test_a_padding_longer_than_the_payload_is_what_was_cut_off(says):
    # the packet ends with its zeros, which may be payload or padding
    short = sent(packet([payload(b"\0" * 3, total=900)], 0), 0, says)
    found, _ = make.mended(short, len(short) + 30)
    assert found[FIELD] == struct.pack("<H", 30)


def test_zeros_that_may_be_either_are_padding_as_far_as_the_field_says():
    zeros = packet([payload(b"\1" * 9 + bytes(60), total=900)], 0)
    for says, cut, padding in [(30, 20, 50), (30, 30, 30), (20, 30, 50)]:
        short = sent(zeros, 0, says)
        found, state = make.mended(short, len(short) + cut)
        assert found[FIELD] == struct.pack("<H", padding)
        assert state == MENDED


@pytest.mark.parametrize("width", [1, 2])
def test_a_padding_length_that_is_too_small_for_what_is_missing(width):
    most = (1 << 8 * width) - 1
    short = packet([payload(b"\1" * 9)], 0, width=width)
    found, state = make.mended(short, len(short) + most)
    assert state == MENDED
    found, state = make.mended(short, len(short) + most + 1)
    # one byte becomes two; two stay as they are, and the packet is as long as it has to be
    assert state == (WIDENED if width == 1 else UNMENDED)
    assert len(found) == len(short) + most + 1
    if width == 2:
        assert found == short + bytes(most + 1)


def test_a_packet_length_stays_where_the_padding_length_is_too_small():
    short = packet([payload(b"\1" * 9)], 0, width=1, length=True)
    found, state = make.mended(short, len(short) + 300)
    assert state == IMPLIED
    assert found == short + bytes(300)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_payload_headers_that_leave_the_packet_are_not_looked_into(count):
    # several payloads are announced and none is whole: what is cut off is the padding
    for size in range(12):
        head = b"\x82\0\0" + bytes([1 | 2 << 3, 0x5D]) + struct.pack("<HIH", 9, 500, 40)
        short = head + bytes([count | 2 << 6]) + b"\x81" * size
        found, state = make.mended(short, len(short) + 20)
        padding = 20 + size if count == 0 else 20
        assert found[FIELD] == struct.pack("<H", padding), size
        assert state == MENDED


def extents_of(*spans):
    rows = np.zeros(len(spans), EXTENTS)
    for row, (offset, length, place) in zip(rows, spans, strict=True):
        row["offset"], row["length"], row["place"] = offset, length, place
    return rows


def filled(extents, buffers, offset, length, size):
    plan, out = np.zeros(1, PLAN), bytearray(b"?" * size)
    plan["offset"], plan["length"] = offset, length
    writer = PacketWriter([extents], buffers, size)
    assert writer.fill(plan, 0, out) == 1
    return bytes(out), writer.counts.index(1)


def test_extents_that_do_not_ascend_end_in_zeros_and_not_in_other_bytes():
    data = bytes(range(1, 101))
    extents = extents_of((0, 50, 0), (10, 20, 60), (20, 5, 80))
    found, state = filled(extents, [(0, data)], 0, 90, 90)
    assert found == data[:50] + bytes(40)
    assert state == TORN


def test_places_between_two_buffers_and_behind_the_last_are_zeros():
    one, other = bytes(range(1, 41)), bytes(range(101, 141))
    extents = extents_of((0, 10, 30), (10, 10, 35), (20, 10, 50), (30, 10, 200), (40, 10, 30))
    found, state = filled(extents, [(0, one), (100, other)], 0, 50, 50)
    # the second part begins in the first buffer and leaves it; the third and fourth are nowhere
    assert found == one[30:40] + bytes(10) + bytes(20) + one[30:40]
    assert state == TORN


@pytest.mark.parametrize("offset", [0, 5])
@pytest.mark.parametrize("replicated", [0, 1, 8])
@pytest.mark.parametrize("key", [False, True])
def test_a_key_frame_begins_where_its_object_does_or_where_objects_are_compressed(
    offset, replicated, key
):
    head = b"\x82\0\0" + bytes([2 << 3, 0x5D]) + struct.pack("<HIH", 0, 500, 40)
    one = bytes([0x80 * key | 70, 7]) + struct.pack("<IB", offset, replicated) + bytes(replicated)
    # of a compressed payload the offset is a time
    begins = key and (offset == 0 or replicated == 1)
    assert key_frames(head + one + b"data") == (1 << 70 if begins else 0)
