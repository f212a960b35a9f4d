"""Small captures on which the pass once fell short, each for a whole kind (see the generators)."""

from pathlib import Path

import pytest

import mmscodec
from mmscodec.errors import CaptureError
from tests.capture import build, tcp_play
from tests.capture import frames as f

CASES = Path(__file__).parents[1] / "captures" / "cases"

#: How a capture may be read; the rows are the same.
FORMS = {
    "mapped": {},
    "threads": {"threads": 2},
    "not mapped": {"mapped": False},
    "not kept": {"mapped": False, "spool": False},
}


@pytest.fixture(params=FORMS)
def opened(request):
    def function(name, **options):
        return mmscodec.open(CASES / name, **FORMS[request.param], **options)

    return function


def streams(capture):
    return [stream for stream, _ in tcp_play.found(capture)]


def test_one_connection_in_two_copies_of_which_one_was_renumbered(opened):
    cap = opened("two-copies-renumbered.pcap")
    assert cap.packets["seq"].tolist() == list(range(12))
    assert len(cap.gaps) == 0
    assert len(cap.faults) == 0
    assert cap.flows["retransmissions"].tolist() == [12]


@pytest.mark.parametrize("name", ["port-reused-near-isn.pcap", "port-reused-after-fin-no-syn.pcap"])
def test_ports_used_again_are_two_sessions(opened, name):
    cap = opened(name)
    assert len(cap.sessions) == 2
    assert len(cap.flows) == 4
    assert len(cap.gaps) == 0
    assert len(cap.faults) == 0
    assert cap.flows["peer"].tolist() == [1, 0, 3, 2]


def test_a_late_syn_after_the_close_is_nothing_new(opened):
    cap = opened("late-syn-after-close.pcap", protocols=None)
    assert streams(cap) == [b"hello", b""]
    assert cap.flows["packets"].tolist() == [4, 1]


def test_an_ip_length_beyond_the_frame_takes_no_place_in_the_stream(opened):
    cap = opened("ip-length-too-long.pcap", protocols=None)
    assert tcp_play.found(cap) == [(b"HTTP/1.1 200 OK", [])]


def test_a_header_without_its_payload_then_the_whole_segment(opened):
    cap = opened("header-only-copy-first.pcap", protocols=None)
    assert tcp_play.found(cap) == [(b"0123456789tail", [])]


def test_a_trailer_behind_the_end_that_pppoe_names(opened):
    cap = opened("trailer-behind-pppoe.pcap", protocols=None)
    assert tcp_play.found(cap) == [(b"abcdefGHIJKLMNO", [])]


def test_bytes_below_the_first_segment_that_the_other_side_still_wants(opened):
    cap = opened("start-below-first-segment.pcap", protocols=None)
    stream = b"0123456789a" + bytes(99) + b"bcdefghi"
    assert tcp_play.found(cap) == [(stream, [(11, 99)]), (b"", [])]


def test_jumps_of_100_mib_are_gaps(opened):
    cap = opened("jumps-of-100-mib.pcap", protocols=None)
    first, second = 104857600 - 6, 209715200 - 104857606
    assert cap.gaps[["offset", "length", "flow"]].tolist() == [
        (5, first, 0), (5 + first + 6, second, 0),
    ]  # fmt: skip
    assert bytes(cap.read(0, 0, 5)) == b"start"
    assert bytes(cap.read(0, 5 + first, 6)) == b"middle"
    assert bytes(cap.read(0, 5 + first + 6 + second, 10)) == b"laterlast!"
    assert cap.flows["length"][0] == 5 + first + 6 + second + 10


def test_ipv6_addresses_that_hold_ipv4_ones_are_other_addresses(opened):
    cap = opened("ipv4-mapped-ipv6.pcap", protocols=None)
    assert sorted(streams(cap)) == [b"IPv4 ", b"IPv6!"]


def test_gre_keys_that_differ_by_direction_are_one_connection(opened):
    cap = opened("gre-keys-differ.pcap", protocols=None)
    assert streams(cap) == [b"GET", b"200"]
    assert cap.flows["peer"].tolist() == [1, 0]
    assert len(set(cap.flows["scope"].tolist())) == 2


def test_a_vlan_tag_on_one_direction_makes_no_two_sessions(opened):
    cap = opened("vlan-tag-one-way.pcap")
    assert cap.flows["peer"].tolist() == [1, 0]
    assert len(cap.sessions) == 1


def test_a_connection_in_ipv6_with_addresses_that_hold_ipv4_ones():
    """The other members of the kind: either address alone, both families' ports equal."""
    packets = []
    inner = f.tcp(b"four", src_port=1024, dst_port=1755, seq=100)
    packets.append(f.ethernet(f.ipv4(inner, src="192.0.2.1", dst="198.51.100.1")))
    for src, dst in (
        ("::ffff:192.0.2.1", "::ffff:198.51.100.1"),
        ("::ffff:192.0.2.1", "2001:db8::1"),
    ):
        inner = f.tcp(b"six", src_port=1024, dst_port=1755, seq=100)
        packets.append(f.ethernet(f.ipv6(inner, src=src, dst=dst)))
    raw = build.pcap([(i, packet) for i, packet in enumerate(packets)])
    cap = mmscodec.open(raw, protocols=None)
    assert streams(cap) == [b"four", b"six", b"six"]


def test_a_last_record_that_is_cut_costs_no_other(opened):
    cap = opened("last-record-cut-years-apart.pcap")
    assert cap.counts["records"] == 2


def test_a_window_of_256_mib_is_read(opened):
    pytest.importorskip("backports.zstd", reason="backports.zstd is not installed")
    cap = opened("window-256-mib.pcap.zst")
    assert cap.counts["records"] == 46
    assert len(cap.faults) == 0
    assert (len(cap.packets), len(cap.data)) == (19, 21)


def test_a_capture_that_a_shell_re_encoded_is_named(opened):
    with pytest.raises(CaptureError, match="re-encoded as UTF-16, as a shell does"):
        opened("utf16.pcapng")
