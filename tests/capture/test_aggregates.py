"""802.11 frames that hold several packets."""

import numpy as np
import pytest

import mmscodec
from mmscodec.schema.faults import FaultCode
from tests.bindings.network import RECORD_DTYPE, Network, Segment
from tests.capture import build
from tests.capture import frames as f

ARP = bytes(28)


def tcp(payload, seq=1000):
    return f.ipv4(f.tcp(payload, seq=seq))


def payloads(results):
    return [result.payload if isinstance(result, Segment) else result for result in results]


def decode(frame, **options):
    return Network().decode_all(frame, linktype=105, **options)


def test_every_packet_of_an_aggregate_is_found():
    texts = [bytes([65 + i]) * i for i in range(9)]  # with every padding
    frame = f.aggregate(*(tcp(text) for text in texts))
    for tail in (b"", b"\xfc" * 4, bytes(13)):
        assert payloads(decode(frame + tail)) == texts
    assert Network().decode(frame, linktype=105).payload == b""


def test_packets_that_are_none_of_ours_are_passed_over():
    icmp = f.ipv4(bytes(8), protocol=1)
    frame = f.aggregate(icmp, tcp(b"one"), icmp, icmp, tcp(b"two"), icmp)
    assert payloads(decode(frame)) == [b"one", b"two"]
    assert decode(f.aggregate(icmp, icmp)) == []


def test_fault_in_one_packet_does_not_hide_the_others():
    bad = f.ipv4(f.tcp(), total=39)
    results = decode(f.aggregate(tcp(b"one"), bad, tcp(b"two")))
    assert payloads(results)[::2] == [b"one", b"two"]
    assert results[1].code == FaultCode.BAD_NETWORK_HEADER


def test_length_over_the_frame_ends_the_aggregate():
    frame = f.aggregate(tcp(b"one"), tcp(b"two"))
    at = frame.rindex(b"\x02\0\0\0\0\x02") + 6
    for length in (len(frame), 65535):
        results = decode(frame[:at] + f.be16(length) + frame[at + 2 :])
        assert payloads(results)[0] == b"one"
        assert results[1].code == FaultCode.BAD_NETWORK_HEADER
        assert len(results) == 2


def test_what_is_as_long_as_a_header_is_taken_for_one():
    frame = f.aggregate(tcp(b"four"))  # ends on a border of 4 bytes
    frame += bytes(-(len(frame) - 26) % 4)
    addresses = bytes(12)
    assert payloads(decode(frame + addresses + b"\0")) == [b"four"]
    segment, fault = decode(frame + addresses + b"\0\x09")
    assert segment.payload == b"four"
    assert (fault.code, fault.offset) == (FaultCode.BAD_NETWORK_HEADER, len(frame))


def test_aggregate_cut_by_the_snap_length_says_what_is_missing():
    # the packet that was cut, where that is its header, and that others followed
    frame = f.aggregate(tcp(b"first"), tcp(b"second"), tcp(b"third"))
    starts = [frame.index(text) - 62 for text in (b"first", b"second", b"third")]
    for size in range(starts[0], len(frame)):
        results = decode(frame[:size], wire_len=len(frame))
        whole = sum(start + 62 <= size for start in starts)
        segments, faults = results[:whole], results[whole:]
        assert [segment.wire_len for segment in segments] == [5, 6, 5][:whole]
        assert all(len(segment.payload) == segment.wire_len for segment in segments[:-1])
        assert {getattr(fault, "code", None) for fault in faults} <= {FaultCode.SNAPPED}
        places = [fault.offset for fault in faults]
        assert len(places) <= 2
        assert places == sorted(places)
        if whole < 3:
            assert places, size
            assert places[-1] <= size


def test_aggregate_inside_a_packet_of_an_aggregate_does_not_hide_the_rest():
    inner = f.ipv4(f.gre(f.aggregate(tcp(b"a"), tcp(b"b")), 0x8200), protocol=47)
    assert payloads(decode(f.aggregate(inner, tcp(b"c")))) == [b"c"]
    assert payloads(decode(f.aggregate(tcp(b"c"), inner))) == [b"c", b"a", b"b"]


def test_bad_packet_of_an_aggregate_in_a_tunnel_does_not_make_it_a_datagram():
    aggregate = f.aggregate(b"\x15" + tcp(b"one")[1:], tcp(b"two"))
    inner = f.ethernet(f.ipv4(f.gre(aggregate, 0x8200), protocol=47))
    frame = f.ethernet(f.ipv4(f.udp(f.vxlan(inner), dst_port=4789), protocol=17))
    fault, segment = Network().decode_all(frame)
    assert fault.code == FaultCode.BAD_NETWORK_HEADER
    assert segment.payload == b"two"


def test_fragments_in_an_aggregate_are_put_together():
    whole = f.tcp(bytes(range(64)))
    first, second, last = f.ipv4_fragments(whole, 32)
    network = Network()
    results = network.decode_all(f.aggregate(first, second, last, tcp(b"x")), linktype=105)
    assert payloads(results) == [bytes(range(64)), b"x"]
    # an aggregate inside a datagram of fragments, which is gone with the next frame
    outer = f.gre(f.aggregate(tcp(b"a"), first, second, last, tcp(b"b")), 0x8200)
    *pieces, end = (f.ethernet(p) for p in f.ipv4_fragments(outer, 64, protocol=47))
    assert [network.decode_all(piece) for piece in pieces] == [[]] * len(pieces)
    assert payloads(network.decode_all(end)) == [b"a", bytes(range(64)), b"b"]
    network.finish()
    assert (network.pending, network.held) == (0, 0)


def test_arrays_hold_every_packet():
    frames = [f.aggregate(tcp(b"one"), tcp(b"two")), f.wifi(tcp(b"three")), f.aggregate(tcp(b"4"))]
    source = b"".join(frames)
    records = np.zeros(3, RECORD_DTYPE)
    records["position"] = np.cumsum([0, *map(len, frames)])[:3]
    records["caplen"] = records["wire_len"] = [len(frame) for frame in frames]
    records["linktype"] = 105
    segments, faults = Network().decode_array(source, records)
    assert segments["record"].tolist() == [0, 0, 1, 2]
    assert segments["length"].tolist() == [3, 3, 5, 1]
    assert len(faults) == 0
    assert Network().totals(source, records)[:2] == (4, 12)


@pytest.mark.parametrize("threads", [1, 2])
def test_captures_hold_every_packet(tmp_path, threads):
    frames, text, seq = [], b"", 1000
    for i in range(300):
        packets = []
        for j in range(i % 40):
            piece = b"%d.%d " % (i, j)
            packets.append(tcp(piece, seq))
            seq += len(piece)
            text += piece
        frames.append((i * 10**6, f.aggregate(*packets) if packets else f.wifi(ARP)))
    path = tmp_path / "it.pcap"
    path.write_bytes(build.pcap(frames, linktype=105))
    with mmscodec.open(path, protocols=None, threads=threads) as cap:
        assert bytes(cap.stream(0)) == text
        count = sum(i % 40 for i in range(300))
        assert cap.counts["segments"] == count == cap.flows["packets"][0]
        assert cap.counts["other"] == 8
        cap.write_pcap(tmp_path / "out.pcap", flows=[0])
    with mmscodec.open(tmp_path / "out.pcap", protocols=None) as cap:
        assert bytes(cap.stream(0)) == text
        assert cap.counts["records"] == 292


@pytest.mark.parametrize("threads", [1, 2])
def test_ports_that_nobody_asked_for_are_passed_over(tmp_path, threads):
    one, two = (f.ipv4(f.tcp(b"x%d" % port, dst_port=port)) for port in (1755, 80))
    path = tmp_path / "it.pcap"
    path.write_bytes(build.pcap([(0, f.aggregate(two, one, two))], linktype=105))
    with mmscodec.open(path, protocols=None, ports=[1755], threads=threads) as cap:
        assert cap.flows["dst_port"].tolist() == [1755]
        assert bytes(cap.stream(0)) == b"x1755"
