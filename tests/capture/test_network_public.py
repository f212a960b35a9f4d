"""Frames of public captures, one by one, against tshark.

tshark opens what it can and lists every transport it met; the last one counts, unless it was only
quoted (in an ICMP error) or the datagram inside the last tunnel was neither TCP nor UDP. All
captures take minutes, so a sample of each kind is taken; `MMSCODEC_CAPTURES=all` takes all.
"""

import os
import re
import shutil
import subprocess
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import NamedTuple

import pytest

from mmscodec.capture._record_reader import RecordReader
from mmscodec.capture.mapped import MemorySource
from mmscodec.schema.faults import FAULT_FIELDS, FaultCode
from tests.bindings.network import Network, NetworkFault, Segment
from tests.capture.shared import CAPTURES, needs_captures, oracle
from tests.capture.test_public_records import read

needs_tshark = pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed")
pytestmark = [needs_captures, needs_tshark]

TAGS = """
vlan qinq qinqinq mpls pppoe gre erspan frag4 frag6 ipv6ext ip-in-ip teredo vxlan geneve gtp null
sll ppp radiotap nflog llc snapped caplen>snaplen multi-linktype ah midstream
"""
EACH = 5
TUNNELS = {"teredo", "vxlan", "vxlan_gpe", "geneve", "gtp", "gre", "erspan", "lisp-data", "ayiya"}


class Difference(NamedTuple):
    """Frames of a file in which we differ, what tshark says of them, and why we differ."""

    frames: list[int]
    theirs: str  # among its layers or remarks
    ours: int | None  # code of our fault, None for a segment
    reason: str


BAD = FaultCode.BAD_NETWORK_HEADER
NOT_OURS = {
    "pcapplusplus/pcap_examples__ipv6.pcapng": Difference(
        [33], "lisp", None, "a message of LISP that quotes a request, as ICMP does"
    ),
    "tcpdump/LINKTYPE_IPV4_invalid.pcap": Difference(
        [1], "ipv6", BAD, "IPv6 under the link type of IPv4: tcpdump calls it invalid as well"
    ),
    "tcpdump/quic_32_bit_pointer_overflow.pcap": Difference(
        [1], "exceeds framing length", BAD, "a jumbo length of 201 MB over a frame of 58 kB"
    ),
    # where their decoding ends, and ours goes on
    "suricata-verify/bug-7414-decoder-event-01__ip_secopt.pcap": Difference(
        [3], "Malformed Packet", None, "an IP option with a bad length before a good datagram"
    ),
    "zeek/ipv6-mobility-dst-opts.pcap": Difference(
        [1], "Malformed Packet", None, "an IPv6 option with a bad length before a good datagram"
    ),
    "tcpdump/bigtcp-ipv4-geneve-ipv6.pcap": Difference(
        [1], "Bad length value 0", None, "UDP length 0: the network card has yet to cut it"
    ),
    "tcpdump/bigtcp-ipv4-vxlan-ipv6.pcap": Difference(
        [1], "Bad length value 0", None, "UDP length 0: the network card has yet to cut it"
    ),
    "tcpdump/bigtcp-ipv6.pcap": Difference(
        [1], "payload length equals 0", None, "IPv6 length 0: the network card has yet to cut it"
    ),
}

CUT = "IPv4 total length exceeds packet length"


class Row(NamedTuple):
    tcp: list[int]
    udp: list[int]
    layers: list[str]
    expert: str  # what is wrong with the frame


def run_tshark(name: str) -> list[Row]:
    fields = ["tcp.len", "udp.length", "frame.protocols", "_ws.expert.message"]
    command = ["tshark", "-n", "-r", str(CAPTURES / name), "-T", "fields"]
    command += [word for field in fields for word in ("-e", field)]
    command += ["-o", "tcp.desegment_tcp_streams:FALSE"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    rows = []
    for line in done.stdout.splitlines():
        tcp, udp, layers, expert = line.split("\t")
        if layers != "data" or not name.endswith("ng"):  # else a custom block, no frame
            row = Row(numbers(tcp), numbers(udp), layers.split(":"), expert)
            rows.append(before_samples(row) if "sflow" in row.layers else row)
    return rows


def before_samples(row: Row) -> Row:
    """Without the packets that an sFlow agent saw elsewhere and sent beginnings of."""
    layers = row.layers[: row.layers.index("sflow")]
    return Row(row.tcp[: layers.count("tcp")], row.udp[: layers.count("udp")], layers, row.expert)


def numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",") if number]


def sample() -> list[str]:
    entries = [
        entry
        for entry in oracle().values()
        if "open_error" not in entry["libpcap"] or entry["format"].startswith("pcapng")
    ]
    if os.environ.get("MMSCODEC_CAPTURES") == "all":
        return sorted(entry["file"] for entry in entries)
    chosen = set()
    by_tag = defaultdict(list)
    for entry in sorted(entries, key=lambda entry: entry["file"]):
        for tag in set(TAGS.split()) & set(entry["tags"]):
            by_tag[tag].append(entry)
    for tag in by_tag:
        small = [entry["file"] for entry in by_tag[tag] if entry["size"] < 300_000]
        step = max(1, len(small) // EACH)
        chosen |= set(small[::step][:EACH])
    return sorted(chosen)


@cache
def tshark_rows() -> dict[str, list[Row]]:
    """Of all files at once, two at a time: its start takes longer than its work."""
    names = sample()
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(names, pool.map(run_tshark, names)))


def opened_to_something_else(row: Row) -> bool:
    # the last transport carried a tunnel with, say, ICMP inside, or was quoted by ICMP
    last = max(i for i, layer in enumerate(row.layers) if layer in ("tcp", "udp"))
    quoted = any(layer.startswith("icmp") for layer in row.layers[:last])
    return quoted or bool(TUNNELS & set(row.layers[last:]))


def same(result, row: Row) -> bool:
    if isinstance(result, Segment):
        if result.protocol == 6 and row.expert.startswith(CUT):
            # they take what is there for all there was; we take it for cut
            return row.tcp[-1:] == [len(result.payload)] != [result.wire_len]
        if result.protocol == 6:
            return row.tcp[-1:] == [result.wire_len]
        return row.udp[-1:] in ([result.wire_len + 8], [0])
    if not row.tcp and not row.udp:
        return True
    if isinstance(result, NetworkFault):
        # tshark shows the ports of these as well; we say what is wrong with the lengths
        udp_too_long = FAULT_FIELDS[result.field] == "UDP header" and result.need == row.udp[-1]
        return udp_too_long or result.code == FaultCode.FRAGMENT_DROPPED
    return opened_to_something_else(row)


@pytest.mark.parametrize("name", sample())
def test_every_frame_gives_the_segment_that_tshark_sees(name):
    data = read(name)
    network = Network()
    differing = {}
    records = RecordReader(MemorySource(data)).rows()
    rows = tshark_rows()[name]
    assert len(records) == len(rows) or "reader-error" in oracle()[name]["tags"]
    for number, (record, row) in enumerate(zip(records, rows), 1):
        start, length = int(record["position"]), int(record["caplen"])
        results = network.decode_all(
            data[start : start + length],
            linktype=int(record["linktype"]),
            wire_len=int(record["wire_len"]),
            time=int(record["time"]),
        )
        if len(results) > 1:
            agree = [result.wire_len for result in results] == row.tcp
        else:
            agree = same(results[0] if results else None, row)
        if not agree:
            differing[number] = (row, results)
    known = NOT_OURS.get(name)
    assert list(differing) == (known.frames if known else []), differing
    for row, results in differing.values():
        assert known.theirs in row.layers or known.theirs in row.expert
        codes = [None if isinstance(result, Segment) else result.code for result in results]
        assert codes == [known.ours]


def test_every_exception_names_a_capture_and_a_reason():
    for name, known in NOT_OURS.items():
        assert name in oracle()
        assert known.frames
        assert re.match(r"\w", known.reason)


@pytest.mark.parametrize("name", sorted(oracle()))
def test_every_capture_is_decoded_without_reading_past_its_frames(name):
    data = read(name)
    rows = RecordReader(MemorySource(data)).rows()
    network = Network()
    for record in rows[:2000]:
        start, length = int(record["position"]), int(record["caplen"])
        frame = data[start : start + length]
        linktype = int(record["linktype"])
        result = network.decode(frame, linktype=linktype, wire_len=int(record["wire_len"]))
        if isinstance(result, Segment):
            assert len(result.payload) <= result.wire_len
    network.finish()
    assert (network.pending, network.held) == (0, 0)
