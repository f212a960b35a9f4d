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

from mmscodec.capture._network import Network, NetworkFault, Segment
from mmscodec.capture._walker import Walker
from mmscodec.capture.mapped import MemorySource
from mmscodec.schema.faults import FAULT_FIELDS, FaultCode
from tests.capture.shared import CAPTURES, needs_captures, oracle
from tests.capture.test_public_records import read

needs_tshark = pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed")
pytestmark = [needs_captures, needs_tshark]

TAGS = """
vlan qinq qinqinq mpls pppoe gre erspan frag4 frag6 ipv6ext ip-in-ip teredo vxlan geneve gtp null
sll ppp radiotap nflog llc snapped caplen>snaplen multi-linktype ah midstream
"""
EACH = 5
TUNNELS = {"teredo", "vxlan", "geneve", "gtp", "gre", "erspan"}

# frames that differ, and why we differ
NOT_OURS = {
    "libpcap/filter__AH-IPcomp-IPv6.pcap": (7, "compressed by IPComp"),
    "libpcap/filter__arcnet-rfc1051-arp-icmp-http.pcap": (9, "ARCNET"),
    "libpcap/filter__arcnet-rfc1201-arp-icmp-http.pcap": (7, "ARCNET"),
    "tcpdump/bgp-aigp.pcap": (1, "Juniper's own link type"),
    "pcapplusplus/pcap_examples__tcp-reassembly.pcap": (1, "tshark opens sFlow samples"),
    "pcapplusplus/pcap_examples__ipv6.pcapng": (1, "LISP"),
    "zeek/tunnels__ayiya-large-identity.pcap": (1, "AYIYA is no longer used anywhere"),
    "zeek/tunnels__gre-aruba-amsdu.pcap": (1, "two 802.11 packets in one GRE packet"),
    "pcapplusplus/null_loopback.pcap": (1, "Cisco HDLC in a NULL capture, guessed by tshark"),
    "tcpdump/LINKTYPE_IPV4_invalid.pcap": (1, "IPv6 in a capture of IPv4"),
    "suricata-verify/bug-7414-decoder-event-01__ip_secopt.pcap": (
        1,
        "a bad IP option ends tshark's decoding",
    ),
    "zeek/ipv6-mobility-dst-opts.pcap": (1, "a bad option ends tshark's decoding"),
    "libpcap/filter__ipv6_ext_headers.pcap": (1, "more than 16 extension headers"),
    "tcpdump/bigtcp-ipv4-geneve-ipv6.pcap": (1, "IP length 0 in a tunnel ends tshark's decoding"),
    "tcpdump/bigtcp-ipv4-vxlan-ipv6.pcap": (1, "IP length 0 in a tunnel ends tshark's decoding"),
    "tcpdump/bigtcp-ipv6.pcap": (1, "IPv6 length 0 ends tshark's decoding"),
    "tcpdump/kday4.pcap": (1, "IP length over the frame: we take the frame for cut"),
    "tcpdump/kday7.pcap": (1, "IP length over the frame: we take the frame for cut"),
    "zeek/tcp__reassembly.pcap": (5, "IP length over the frame: we take the frame for cut"),
    "tcpdump/quic_32_bit_pointer_overflow.pcap": (1, "a jumbo length over the frame"),
}


class Row(NamedTuple):
    tcp: list[int]
    udp: list[int]
    layers: list[str]


def run_tshark(name: str) -> list[Row]:
    fields = ["tcp.len", "udp.length", "frame.protocols"]
    command = ["tshark", "-n", "-r", str(CAPTURES / name), "-T", "fields"]
    command += [word for field in fields for word in ("-e", field)]
    command += ["-o", "tcp.desegment_tcp_streams:FALSE"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    rows = []
    for line in done.stdout.splitlines():
        tcp, udp, layers = line.split("\t")
        if layers != "data" or not name.endswith("ng"):  # else a custom block, no frame
            rows.append(Row(numbers(tcp), numbers(udp), layers.split(":")))
    return rows


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
    differing = []
    records = Walker(MemorySource(data)).rows()
    rows = tshark_rows()[name]
    assert len(records) == len(rows) or "reader-error" in oracle()[name]["tags"]
    for record, row in zip(records, rows):
        start, length = int(record["position"]), int(record["caplen"])
        result = network.decode(
            data[start : start + length],
            linktype=int(record["linktype"]),
            wire_len=int(record["wire_len"]),
            time=int(record["time"]),
        )
        if not same(result, row):
            differing.append((row, result))
    assert len(differing) == NOT_OURS.get(name, (0, ""))[0], differing[:3]


def test_every_exception_names_a_capture_and_a_reason():
    for name, (count, reason) in NOT_OURS.items():
        assert name in oracle()
        assert count > 0
        assert re.match(r"\w", reason)


@pytest.mark.parametrize("name", sorted(oracle()))
def test_every_capture_is_decoded_without_reading_past_its_frames(name):
    data = read(name)
    rows = Walker(MemorySource(data)).rows()
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
