"""Lengths of packets and messages that parsers took for what they claim."""

import struct

import numpy as np
import pytest

from mmscodec import mms
from mmscodec.schema import mms as schema
from tests.mms.streams import PING, data
from tests.trust.known_bugs import wire

BEHIND = PING * 3
MEDIA = [data(i, 4, i, bytes(40)) for i in range(3)]


@pytest.mark.parametrize("claimed", wire.EDGES)
def test_libmms_0_6_2_a_message_length_of(claimed):
    batch = wire.looked_through(wire.packet(PING[32:], length=claimed) + BEHIND)
    # 16 is a packet without messages: those bytes are not in it then
    assert len(batch.packets) == 3 + (claimed in (16, 32))
    assert batch.faults["offset"].tolist() == {32: [], 16: [32]}.get(claimed, [0])


@pytest.mark.parametrize("claimed", range(9))
def test_libmms_0_6_2_a_data_packet_of(claimed):
    broken = struct.pack("<IBBH", 3, 4, 3, claimed)
    batch = wire.looked_through(b"".join(MEDIA) + broken + BEHIND)
    assert len(batch.packets) == 3
    # 8 is a Data packet without payload; what is shorter cannot be one
    assert len(batch.data) == 3 + (claimed == 8)
    assert len(batch.faults) == (claimed != 8)


@pytest.mark.parametrize("distance", [-1, 0, 1])
@pytest.mark.parametrize("name", ["LinkMacToViewerPing", "LinkMacToViewerReportStartedPlaying"])
def test_cve_2006_2200_lengths_beside_the_right_one(name, distance):
    whole = mms.encode(name)
    (right,) = struct.unpack_from("<I", whole, 8)
    damaged = whole[:8] + struct.pack("<I", right + distance) + whole[12:]
    batch = wire.looked_through(damaged + BEHIND)
    assert len(batch.messages) >= 3
    assert np.array_equal(batch.messages["offset"][-3:], len(whole) + 32 + 48 * np.arange(3))
    (chunks,) = struct.unpack_from("<I", whole, 32)
    damaged = whole[:32] + struct.pack("<I", chunks + distance) + whole[36:]
    batch = wire.looked_through(damaged + BEHIND)
    assert len(batch.packets) == 4
    codes = batch.faults["code"].tolist()
    assert (distance == 0) == (codes == [])


@pytest.mark.parametrize("top", [0x80000000, 0xC0000000, 0xFFFFFFFF, 0xFFFFFFE0, 0x80000020])
def test_cve_2008_3794_lengths_with_the_top_bit_set(top):
    first = wire.looked_through(wire.packet(PING[32:], length=top) + BEHIND)
    assert len(first.packets) == 3
    assert first.faults["offset"].tolist() == [0]
    second = wire.looked_through(wire.packet(wire.message(0x0004001B, bytes(8), top)) + BEHIND)
    assert len(second.packets) == 4
    assert (second.messages["length"] <= 16).all()
    assert len(second.faults) == 1


def test_cve_2014_2892_no_text_is_waited_for_without_a_bound():
    # an answer without an end: what is kept is bounded by the packet, and that by `max_packet`
    head = wire.packet(b"", length=1 << 20)
    decoder = mms.Decoder(max_packet=1 << 16)
    most = 0
    for _ in range(400):
        decoder.feed(head + b"A\0" * 500)
        most = max(most, decoder.buffered)
    assert most < 1 << 18
    claimed = mms.Decoder(max_packet=1 << 24)
    claimed.feed(wire.packet(b"", length=(1 << 24) - 16))
    assert claimed.buffered == 32


@pytest.mark.parametrize("name", mms.MESSAGES)
def test_ffmpeg_mmst_no_byte_of_another_packet_in_a_row(name):
    # the shortest form of each message, and one chunk less, between others full of ones
    struct_ = schema.BY_NAME[name]
    size = -(-struct_.fixed_size // 8) * 8
    for chunks in (size // 8, size // 8 - 1):
        if chunks < 1:
            continue
        body = struct.pack("<II", chunks, struct_.mid) + bytes(chunks * 8 - 8)
        full = wire.packet(wire.message(0x00040006, b"\xff" * 112))
        batch = wire.looked_through(full + wire.packet(body) + full)
        for row in batch[name]:  # those around it are of that one kind
            assert name == "LinkMacToViewerReportOpenFile" or not any(row.tobytes()[8:])


@pytest.mark.parametrize("size", range(0, 9))
def test_cve_2023_47359_a_packet_smaller_than_what_it_must_begin_with(size):
    # a length that leaves less than the header behind it, whole and as a datagram
    short = struct.pack("<IBBH", 0, 2, 0x0C, size)
    for transport in ("tcp", "udp"):
        batch = mms.decode(wire.exactly(short + bytes(size)), transport=transport)
        assert (batch.data["length"] >= 8).all()
        payload = batch.data["length"].astype("i8") - 8
        assert (payload >= 0).all()
        assert (payload <= size).all()
    one = wire.packet(bytes(max(0, size - 8)), length=8 + size)
    batch = wire.looked_through(one + BEHIND)
    assert len(batch.messages) == 3
