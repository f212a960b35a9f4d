"""IP fragments: every order, every kind of lie, and bounded cost."""

import itertools
import random

import numpy as np
import pytest

from mmscodec.schema.faults import FAULT_FIELDS, FaultCode
from tests.bindings.network import RECORD_DTYPE, Network, NetworkFault, Segment
from tests.capture import frames as f

PAYLOAD = bytes(range(200))
DATAGRAM = f.udp(PAYLOAD)
SECOND = 10**9


def four(piece, at, more, **fields):
    fields = {"protocol": 17} | fields
    return f.ethernet(f.ipv4(piece, offset=at, more=more, **fields))


def six(piece, at, more, identification=1, following=17, **fields):
    header = f.fragment_header(
        piece, following=following, offset=at, more=more, identification=identification
    )
    return f.ethernet(f.ipv6(header, protocol=44, **fields))


def pieces(build, datagram=DATAGRAM, size=48, **fields):
    return [build(piece, at, more, **fields) for at, piece, more in f.cut(datagram, size)]


def feed(network, frames, **options):
    return [network.decode(frame, **options) for frame in frames]


def segments(results):
    return [result for result in results if isinstance(result, Segment)]


def faults(results):
    return [result for result in results if isinstance(result, NetworkFault)]


BOTH = pytest.mark.parametrize("build", [four, six])


@BOTH
def test_fragments_give_their_datagram_in_any_order(build):
    parts = pieces(build)
    assert len(parts) == 5
    for order in itertools.permutations(parts):
        network = Network()
        results = feed(network, order)
        assert results[:-1] == [None] * 4
        assert results[-1].payload == PAYLOAD
        assert results[-1].wire_len == len(PAYLOAD)
        assert (results[-1].src_port, results[-1].dst_port) == (1024, 1755)
        assert network.pending == 0
        assert network.finish() == []


@BOTH
def test_duplicates_change_nothing(build):
    parts = pieces(build)
    rng = random.Random(5)
    for _ in range(200):
        order = parts[:-1] * 2
        rng.shuffle(order)
        results = feed(Network(), [*order, parts[-1]])
        assert [s.payload for s in segments(results)] == [PAYLOAD]
        assert not faults(results)


@BOTH
def test_datagrams_of_other_hosts_ids_and_vlans_do_not_mix(build):
    network = Network()
    other = f.udp(bytes(reversed(PAYLOAD)))
    fields = [{"identification": 2}, {"src": "192.0.2.99" if build is four else "2001:db8::99"}]
    if build is four:
        fields.append({"protocol": 200})
    for change in fields:
        mixed = zip(pieces(build), pieces(build, other, **change))
        results = feed(network, itertools.chain(*mixed))
        wanted = [PAYLOAD] if change.get("protocol") else [PAYLOAD, other[8:]]
        assert [s.payload for s in segments(results)] == wanted
    one = [frame[:12] + b"\x81\0\0\x05" + frame[12:] for frame in pieces(build)]
    two = [frame[:12] + b"\x81\0\0\x06" + frame[12:] for frame in pieces(build, other)]
    results = feed(network, itertools.chain(*zip(one, two)))
    assert [(s.scope, s.payload) for s in segments(results)] == [(5, PAYLOAD), (6, other[8:])]


@BOTH
def test_first_fragment_may_be_too_small_for_the_tcp_header(build):
    inner = f.tcp(PAYLOAD)
    fields = {"protocol": 6} if build is four else {"following": 6}
    results = feed(Network(), pieces(build, inner, 8, **fields))
    assert [s.payload for s in segments(results)] == [PAYLOAD]
    assert segments(results)[0].dst_port == 1755


@BOTH
def test_fragments_of_a_tunnel_are_put_together_before_the_tunnel_is_opened(build):
    network = Network()
    inner = f.ethernet(f.ipv4(f.tcp(PAYLOAD)))
    results = feed(network, pieces(build, f.udp(f.vxlan(inner), dst_port=4789)))
    assert [s.payload for s in segments(results)] == [PAYLOAD]
    # and a fragment inside fragments
    for frame in pieces(four):
        results = feed(network, pieces(build, f.udp(f.vxlan(frame), dst_port=4789)))
    assert [s.payload for s in segments(results)] == [PAYLOAD]
    assert network.pending == 0


def test_first_copy_of_an_overlapped_ipv4_byte_wins_and_the_conflict_is_reported():
    head, body = DATAGRAM[:48], DATAGRAM[48:]
    network = Network()
    results = feed(
        network,
        [
            four(head, 0, True),
            four(b"\xee" * 48, 40, True),  # 8 bytes of the head again, 40 new ones
            four(body, 48, False),
        ],
    )
    assert results[0] is None
    assert results[1].code == FaultCode.FRAGMENT_DROPPED
    assert results[2].payload == PAYLOAD[:40] + b"\xee" * 40 + PAYLOAD[80:]
    (late,) = network.finish()  # the body disagreed with the middle piece, but completed it all
    assert late.code == FaultCode.FRAGMENT_DROPPED
    assert late.length == len(body)


def test_overlap_with_equal_bytes_is_no_conflict():
    parts = [(0, 48), (40, 104), (56, 208), (8, 200)]
    frames = [four(DATAGRAM[a:b], a, b < len(DATAGRAM)) for a, b in parts]
    results = feed(Network(), frames)
    assert [s.payload for s in segments(results)] == [PAYLOAD]
    assert not faults(results)


def test_overlapping_ipv6_fragments_drop_the_datagram_with_all_that_still_comes():
    parts = pieces(six)
    network = Network()
    overlap = six(DATAGRAM[40:88], 40, True)  # even with equal bytes: RFC 5722
    results = feed(network, [parts[0], overlap, *parts[1:], *parts])
    assert not segments(results)
    assert [fault.code for fault in faults(results)] == [FaultCode.FRAGMENT_DROPPED]
    assert feed(network, parts, time=61 * SECOND)[-1].payload == PAYLOAD  # forgotten by then


@BOTH
def test_two_ends_of_one_datagram_do_not_both_count(build):
    parts = pieces(build)
    longer = build(bytes(16), 208, False)
    shorter = build(DATAGRAM[48:96], 48, False)
    for liar in (longer, shorter):
        results = feed(Network(), [parts[0], parts[-1], liar, *parts[1:-1]])
        if build is four:
            assert [s.payload for s in segments(results)] == [PAYLOAD]
        else:
            assert not segments(results)
        assert [fault.code for fault in faults(results)] == [FaultCode.FRAGMENT_DROPPED]


@BOTH
def test_datagram_of_more_than_65535_bytes_is_refused(build):
    network = Network()
    for at, size, more in ((65528, 8, True), (65528, 8, False), (65520, 40, False)):
        fault = network.decode(build(bytes(size), at, more))
        assert fault.code == FaultCode.FRAGMENT_DROPPED
        assert (fault.need, fault.have) == (at + size, size)
        assert FAULT_FIELDS[fault.field] == "fragment"
    assert network.pending == 0
    assert network.decode(build(bytes(7), 65528, False)) is None


def test_fragment_of_a_frame_that_claims_gigabytes_is_refused():
    # IP length 0 and an offset: the sum once wrapped around 32 bits
    frame = f.ethernet(f.ipv4(bytes(40), offset=8, protocol=17, total=0))
    for wire_len in (2**32 - 1, 2**31, 2**17):
        network = Network()
        fault = network.decode(frame, wire_len=wire_len)
        assert fault.code in (FaultCode.BAD_NETWORK_HEADER, FaultCode.FRAGMENT_DROPPED)
        assert network.pending == 0


@BOTH
def test_largest_datagram_passes(build):
    payload = random.Random(1).randbytes(65535 - 8)
    order = pieces(build, f.udp(payload), 1480)
    random.Random(2).shuffle(order)
    results = feed(Network(), order)
    assert [s.payload for s in segments(results)] == [payload]


@BOTH
def test_fragment_that_is_empty_or_no_multiple_of_eight_is_refused(build):
    for piece, at, more in ((b"", 0, True), (b"", 8, False), (bytes(12), 0, True)):
        result = Network().decode(build(piece, at, more))
        assert result.code == FaultCode.FRAGMENT_DROPPED


def test_atomic_fragment_neither_waits_nor_disturbs_its_namesakes():
    network = Network()
    parts = pieces(six)
    feed(network, parts[:2])
    atomic = network.decode(six(f.udp(b"alone"), 0, False))
    assert atomic.payload == b"alone"
    assert feed(network, parts[2:])[-1].payload == PAYLOAD


def test_reused_id_starts_a_new_ipv4_datagram():
    network = Network()
    old = pieces(four, f.udp(bytes(200), src_port=9))
    feed(network, old[:3])
    results = feed(network, pieces(four))
    assert results[0].code == FaultCode.FRAGMENT_DROPPED
    assert results[0].length == 3 * 48
    assert results[-1].payload == PAYLOAD


def test_incomplete_datagram_is_dropped_after_a_minute_of_capture_time():
    network = Network()
    parts = pieces(four)
    assert feed(network, parts[:3], time=5 * SECOND, position=77) == [None] * 3
    assert network.decode(parts[0], time=65 * SECOND) is None
    late = network.decode(four(bytes(8), 0, True, identification=9), time=65 * SECOND + 1)
    assert late.code == FaultCode.FRAGMENT_DROPPED
    assert late.offset == 77 + 34
    assert late.length == 3 * 48
    assert network.pending == 1


@pytest.mark.parametrize("times", [(2**63 - 1, -(2**63)), (-(2**63), 2**63 - 1), (100, 0)])
def test_times_that_jump_do_no_harm(times):
    network = Network()
    parts = pieces(four)
    network.decode(parts[0], time=times[0])
    for part in parts[1:]:
        network.decode(part, time=times[1])
    assert network.pending <= 1


def test_end_of_the_capture_reports_what_waited():
    network = Network()
    for number in range(3):
        feed(network, pieces(four, identification=number)[:4], position=1000 * number)
    rest = network.finish()
    assert [(fault.offset, fault.length) for fault in rest] == [
        (34, 192), (1034, 192), (2034, 192)
    ]  # fmt: skip
    assert (network.pending, network.held) == (0, 0)


@BOTH
@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize("cut_by", [1, 8, 15])
def test_cut_fragment_leaves_a_gap_and_no_guess(build, number, cut_by):
    parts = pieces(build)
    lengths = [len(part) for part in parts]
    parts[number] = parts[number][:-cut_by]
    network = Network()
    for part, length in zip(parts, lengths):
        result = network.decode(part, wire_len=length)
    end = min(48 * (number + 1), len(DATAGRAM)) - cut_by
    assert result.payload == DATAGRAM[8:end]
    assert result.wire_len == len(PAYLOAD)


def test_transport_header_cut_in_a_fragment_is_reported():
    first, *rest = pieces(four)
    network = Network()
    results = [network.decode(first[:-44], wire_len=len(first)), *feed(network, rest)]
    assert results[:-1] == [None] * 4
    assert results[-1].code == FaultCode.SNAPPED
    assert (results[-1].need, results[-1].have) == (8, 4)


def test_oldest_datagram_goes_when_the_number_is_at_its_limit():
    network = Network(max_fragments=10)
    for number in range(25):
        result = network.decode(four(bytes(8), 0, True, identification=number), position=number)
        assert network.pending == min(number + 1, 10)
        if number < 10:
            assert result is None
        else:
            assert result.offset == number - 10 + 34


def test_memory_is_bounded_by_bytes_and_freed_again():
    network = Network(max_fragment_bytes=1 << 20)
    dropped = 0
    for number in range(200):
        for at, piece, more in f.cut(bytes(60000), 1480)[:-1]:
            result = network.decode(four(piece, at, more, identification=number))
            dropped += isinstance(result, NetworkFault)
        assert network.held <= 1 << 20
    assert dropped > 150
    assert network.decode(four(bytes(8), 64000, True, identification=999)).code == 160
    network.finish()
    assert network.held == 0


def test_datagram_over_the_byte_limit_alone_is_refused():
    network = Network(max_fragment_bytes=1000)
    fault = network.decode(four(bytes(1480), 0, True))
    assert fault.code == FaultCode.FRAGMENT_DROPPED
    assert (network.pending, network.held) == (0, 0)


def bomb(count, build=lambda number: four(bytes(32), 0, True, identification=number & 0xFFFF)):
    """`count` frames in one buffer, sources differing where ids run out."""
    rows = np.tile(np.frombuffer(build(0), np.uint8), (count, 1))
    number = np.arange(count)
    rows[:, 18], rows[:, 19] = number >> 8 & 255, number & 255
    rows[:, 28], rows[:, 29] = number >> 16 & 255, number >> 24
    records = np.zeros(count, RECORD_DTYPE)
    records["position"] = number * rows.shape[1]
    records["caplen"] = records["wire_len"] = rows.shape[1]
    records["linktype"] = 1
    return rows.ravel(), records


def test_a_million_first_fragments_take_bounded_memory():
    network = Network()
    _, dropped = network.decode_array(*bomb(1_000_000))
    assert network.held <= 32 << 20
    assert network.pending <= 65535
    assert len(dropped) == 1_000_000 - network.pending


def test_tiny_fragments_pass_backwards_as_forwards():
    # FragmentSmack: 8,191 pieces of one datagram, the worst order for a sorted list
    body = f.udp(bytes(65535 - 8 - 7))
    parts = pieces(four, body, 8)
    assert len(parts) > 8000
    for order in (parts, parts[::-1]):
        results = feed(Network(), order)
        assert len(segments(results)[0].payload) == len(body) - 8


def test_random_pieces_with_random_overlaps_follow_the_first_copy_model():
    rng = random.Random(11)
    for _ in range(300):
        units = rng.randrange(4, 20)
        total = units * 8 - rng.randrange(8)
        model: dict[int, int] = {}
        network = Network()
        done = None
        port = f.udp(bytes(total - 8))[:8]  # the same first bytes: no reuse of the id
        for _ in range(200):
            start = rng.randrange(units)
            stop = rng.randrange(start + 1, units + 1)
            end = min(stop * 8, total)
            if end - start * 8 == total:
                continue  # no fragment at all
            piece = bytearray(rng.randbytes(end - start * 8))
            if start == 0:
                piece[:8] = port
            result = network.decode(four(bytes(piece), start * 8, end < total))
            for i, byte in enumerate(piece):
                model.setdefault(start * 8 + i, byte)
            if isinstance(result, Segment):
                done = result
                break
        assert done is not None
        assert len(model) == total
        assert done.payload == bytes(model[i] for i in range(8, total))
