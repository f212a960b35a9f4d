"""Short ASF packets are filled up so that they still end where they did."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.asf import make

WHOLE, MENDED, WIDENED, IMPLIED, UNMENDED = range(5)


def payload_of(packet):
    """The payload of a packet with one payload, as the ASF specification says to find it."""
    at = 1 + (packet[0] & 15) if packet[0] & 0x80 else 0
    flags = packet[at]
    sizes = [0, 1, 2, 4]
    length_size, sequence_size = sizes[flags >> 5 & 3], sizes[flags >> 1 & 3]
    padding_size = sizes[flags >> 3 & 3]
    at += 2
    length = int.from_bytes(packet[at : at + length_size], "little") or len(packet)
    at += length_size + sequence_size
    padding = int.from_bytes(packet[at : at + padding_size], "little")
    at += padding_size + 6
    end = min(length, len(packet)) - padding
    assert not flags & 1
    head = at + 15
    return packet[head:end]


@given(st.integers(0, 300), st.integers(0, 300))
def test_a_stripped_packet_gets_back_the_padding_it_had(body, more):
    size = 28 + body + more
    packet = make.packet(3, size, bytes(range(256))[:1] * body)
    found, state = make.mended(make.stripped(packet), size)
    assert found == packet
    assert state == (MENDED if more else WHOLE)


@given(st.binary(max_size=300), st.integers(1, 400), st.sampled_from([0, 1, 2, 4]))
def test_the_payload_ends_where_it_did_whatever_the_padding_length_type(body, more, kind):
    fixed = 26 + kind + len(body)
    packet = make.packet(3, fixed, body, padding=kind)
    found, state = make.mended(packet, fixed + more)
    assert len(found) == fixed + more
    assert payload_of(found) == body
    fits = kind and more < 1 << (8 * kind)
    assert state == (MENDED if fits else WIDENED)


def with_length(body, kind, value):
    """A packet with a Packet Length field of two bytes."""
    head = b"\x82\0\0" + bytes([2 << 5 | {0: 0, 2: 2}[kind] << 3, 0x5D])
    payload = bytes([1, 0]) + struct.pack("<IBII", 0, 8, len(body), 0) + body
    total = len(head) + 2 + kind + 6 + len(payload)
    length = total if value is None else value
    return head + struct.pack("<H", length) + bytes(kind) + bytes(6) + payload


def test_a_packet_length_is_raised_with_the_padding():
    packet = with_length(b"abc", 2, None)
    found, state = make.mended(packet, 100)
    assert state == MENDED
    assert int.from_bytes(found[5:7], "little") == 100
    assert payload_of(found) == b"abc"


def test_a_packet_length_alone_says_where_a_packet_ends():
    packet = with_length(b"abc", 0, None)
    found, state = make.mended(packet, 100)
    assert state == IMPLIED
    assert found == packet.ljust(100, b"\0")
    assert payload_of(found) == b"abc"


def test_a_packet_length_that_was_not_changed_when_padding_was_stripped_is_right_again():
    packet = with_length(b"abc", 2, 100)
    found, state = make.mended(packet, 100)
    assert state == MENDED
    assert payload_of(found) == b"abc"


@pytest.mark.parametrize(
    "packet",
    [
        b"\x00",
        b"\xff" * 40,
        b"\x92" + bytes(40),  # opaque data
        b"\xe2" + bytes(40),  # a length type that is reserved
        b"\x8f" + bytes(10),  # error correction data longer than the packet
        b"\x82\0\0\x80" + bytes(40),  # error correction where length types should be
        b"\x82\0\0\x7e\x5d" + bytes(10),  # fields behind the end
    ],
)
def test_what_is_no_asf_packet_is_filled_with_zeros_and_said_to_be(packet):
    found, state = make.mended(packet, 100)
    assert found == packet.ljust(100, b"\0")
    assert state == UNMENDED


def test_a_padding_length_that_cannot_grow_is_left_alone():
    packet = bytearray(make.packet(0, 30, b"abc", padding=1))
    packet[5] = 0xFF
    found, state = make.mended(packet, 30 + 0x1FF10)
    assert state == UNMENDED
    assert found[: len(packet)] == packet


@given(st.binary(min_size=1, max_size=80), st.integers(0, 70_000))
def test_any_bytes_keep_their_order_and_get_the_size(packet, more):
    found, state = make.mended(packet, len(packet) + more)
    assert len(found) == len(packet) + more
    assert state in range(5)
