"""Datagrams that IPComp compressed."""

import struct
import zlib

import pytest

import mmscodec
from mmscodec.schema.faults import FaultCode
from tests.bindings.network import Network, Segment
from tests.capture import build
from tests.capture import frames as f
from tests.capture.network_cases import COMPRESSED, PAYLOAD, SEGMENT, V4


def framed(body):
    return f.ethernet(f.ipv4(body, protocol=108))


@pytest.mark.parametrize("name", COMPRESSED)
def test_segment_is_found_in_compressed_datagrams(name):
    case = COMPRESSED[name]
    for tail in (b"", b"\xee" * 6):
        segment = Network().decode(case.frame + tail)
        assert isinstance(segment, Segment)
        assert (segment.payload, segment.wire_len) == (PAYLOAD, len(PAYLOAD))
        assert segment.src == f.mapped(f.CLIENT if case.version == 4 else f.CLIENT6)


@pytest.mark.parametrize("name", COMPRESSED)
def test_compressed_datagram_that_was_cut_is_snapped(name):
    case = COMPRESSED[name]
    for size in range(14, len(case.frame)):
        fault = Network().decode(case.frame[:size], wire_len=len(case.frame))
        assert fault.code == FaultCode.SNAPPED


@pytest.mark.parametrize("index", [0, 1, 3, 4, 255])
def test_other_methods_are_passed_over(index):
    assert Network().decode(framed(f.ipcomp(SEGMENT, following=6, index=index))) is None


def test_what_does_not_inflate_is_passed_over():
    whole = f.ipcomp(SEGMENT, following=6)
    assert Network().decode(framed(whole)).payload == PAYLOAD
    for end in range(4, len(whole)):
        assert Network().decode(framed(whole[:end])) is None
    assert Network().decode(framed(whole[:4] + b"\xff" * 40)) is None
    header = struct.pack(">BBH", 6, 0, 2)
    assert Network().decode(framed(header + zlib.compress(SEGMENT))) is None


def test_a_datagram_unfolds_to_no_more_than_a_datagram():
    network = Network()
    for size, fits in ((65535, True), (65536, False), (1 << 26, False)):
        inner = f.tcp(bytes(size - 20))
        squeezed = f.ipcomp(inner, following=6)
        result = network.decode(framed(squeezed))
        if fits:
            assert result.wire_len == size - 20
        else:
            assert (result.code, result.need) == (FaultCode.FRAGMENT_DROPPED, 65536)
        assert network.held <= 1 << 17


def test_a_capture_unfolds_to_eight_times_its_size_and_a_bit():
    network = Network()
    honest = framed(f.ipcomp(f.tcp(bytes(range(256)) * 2), following=6))
    body = f.ipcomp(f.tcp(bytes(60_000)), following=6)
    bomb = framed(body)
    results = [network.decode(bomb) for _ in range(400)]
    fits = (16 << 20) // (60_020 - 8 * len(body))
    assert [isinstance(result, Segment) for result in results].index(False) == fits
    assert {result.code for result in results[fits:]} == {FaultCode.FRAGMENT_DROPPED}
    assert {result.need for result in results[fits + 1 :]} == {8 * len(body) + 1}
    assert isinstance(network.decode(honest), Segment)  # what is shorter still fits


def test_room_that_is_left_is_no_more_than_a_datagram():
    body = f.ipcomp(f.tcp(bytes(60_000)), following=6)
    over = f.ipcomp(f.tcp(bytes(200_000)), following=6)
    each = 60_020 - 8 * len(body)
    for left in range(66_000, 131_000, 9000):
        network = Network()
        for _ in range(((16 << 20) - left) // each):
            assert isinstance(network.decode(framed(body)), Segment)
        assert network.decode(framed(over)).need == 65536


def test_compressed_once_and_no_more():
    twice = f.ipcomp(f.ipcomp(SEGMENT, following=6), following=108)
    assert Network().decode(framed(twice)) is None
    inner = f.ipv4(f.ipcomp(SEGMENT, following=6), protocol=108)
    assert Network().decode(framed(f.ipcomp(inner, following=4))) is None


def test_lengths_inside_are_those_of_what_was_compressed():
    inner = f.ipv4(f.tcp(PAYLOAD), total=1400)
    fault = Network().decode(framed(f.ipcomp(inner, following=4)))
    assert fault.code == FaultCode.BAD_NETWORK_HEADER


def test_memory_for_unfolding_is_that_of_fragments():
    network = Network(max_fragment_bytes=100_000)
    for piece in f.ipv4_fragments(f.tcp(bytes(90_000 // 2)), 1480)[:-1]:
        network.decode(f.ethernet(piece))
    assert network.pending == 1
    assert network.decode(framed(f.ipcomp(SEGMENT, following=6))).payload == PAYLOAD
    assert network.pending == 0  # given up for it
    assert network.held <= 100_000
    small = Network(max_fragment_bytes=60_000)
    assert small.decode(framed(f.ipcomp(SEGMENT, following=6))) is None


def test_packets_of_an_aggregate_do_not_hold_more_than_the_ceiling():
    # inside a reassembled datagram, where all must stay until its last packet
    bomb = f.ipv4(f.ipcomp(f.tcp(bytes(60_000)), following=6), protocol=108)
    outer = f.gre(f.aggregate(*[bomb] * 300), 0x8200)
    network = Network(max_fragment_bytes=1 << 20)
    found = []
    for piece in f.ipv4_fragments(outer, 1480, protocol=47):
        found += network.decode_all(f.ethernet(piece))
        assert network.held <= 1 << 20
    assert 5 < len(found) < 17
    assert {len(segment.payload) for segment in found} == {60_000}


@pytest.mark.parametrize("threads", [1, 2])
def test_captures_hold_what_was_compressed(tmp_path, threads):
    text, items = b"", []
    for i in range(500):
        piece = b"%d " % i * (i % 7 + 1)
        segment = f.tcp(piece, seq=1000 + len(text))
        body = f.ipcomp(segment, following=6)
        items.append((i * 10**6, framed(body) if i % 3 else f.ethernet(f.ipv4(segment))))
        text += piece
    path = tmp_path / "it.pcap"
    path.write_bytes(build.pcap(items))
    with mmscodec.open(path, protocols=None, threads=threads) as cap:
        assert bytes(cap.stream(0)) == text
        cap.write_pcap(tmp_path / "out.pcap", flows=[0])
    with mmscodec.open(tmp_path / "out.pcap", protocols=None, spool=False) as cap:
        assert bytes(cap.stream(0)) == text


def test_plain_datagrams_between_are_no_trouble():
    network = Network()
    assert network.decode(framed(f.ipcomp(SEGMENT, following=6))).payload == PAYLOAD
    first, *others = f.ipv4_fragments(f.ipcomp(f.tcp(bytes(range(200))), following=6, level=0), 64,
                                      protocol=108)  # fmt: skip
    assert network.decode(f.ethernet(first)) is None
    assert network.decode(f.ethernet(V4)).payload == PAYLOAD
    *_, whole = [network.decode(f.ethernet(piece)) for piece in others]
    assert whole.payload == bytes(range(200))
    network.finish()
    assert network.held == 0
