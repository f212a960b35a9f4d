"""Frames of chosen flows where packets came in fragments: theirs, and no others."""

import random
from dataclasses import replace

import numpy as np
import pytest

import mmscodec
from mmscodec import capture
from tests.capture import build, recut, truth
from tests.capture import frames as f

TABLES = ("packets", "messages", "data")
NAMES = ["vlc_udp.pcap", "libmms_seek.pcap", "ffmpeg_ipv6.pcapng"]


def twice(name):
    """Packets of a capture, and the same again between the same hosts from other ports."""
    packets = recut.read(truth.FOLDER / name)

    def moved(port):
        return port if port == 1755 else port ^ 0x11

    out = []
    for p in packets:
        other = replace(p, src_port=moved(p.src_port), dst_port=moved(p.dst_port))
        out += [p, other]
    return out


def pieces(datagram, number, size=400):
    """IP fragments of one datagram."""
    version = datagram[0] >> 4
    if version == 4:
        src, dst = (".".join(map(str, datagram[i : i + 4])) for i in (12, 16))
        return f.ipv4_fragments(
            datagram[20:], size, identification=number & 0xFFFF, src=src, dst=dst,
            protocol=datagram[9],
        )  # fmt: skip
    src, dst = (
        ":".join(datagram[i : i + 2].hex() for i in range(at, at + 16, 2)) for at in (8, 24)
    )
    return f.ipv6_fragments(
        datagram[40:], size, identification=number, src=src, dst=dst, protocol=datagram[6]
    )


def shuffled(parts, order, rng):
    if order == "last first":
        return parts[::-1]
    if order == "any":
        rng.shuffle(parts)
    return parts


def plain(packet, number, order, rng):
    return [f.ethernet(part) for part in shuffled(pieces(packet.datagram, number), order, rng)]


def tunnelled(packet, number, order, rng):
    # fragments, each in a VXLAN frame whose outer datagram comes in fragments too
    out = []
    for i, part in enumerate(shuffled(pieces(packet.datagram, number), order, rng)):
        outer = f.ip(
            f.udp(f.vxlan(f.ethernet(part)), src_port=50000, dst_port=4789),
            src="192.0.2.1", dst="192.0.2.2", protocol=17,
        )  # fmt: skip
        inner = pieces(outer, number * 50 + i, 240)
        out += [f.ethernet(piece) for piece in shuffled(inner, order, rng)]
    return out


WAYS = {"plain": plain, "tunnelled": tunnelled}


def fragmented(packets, way, order, seed=1):
    rng = random.Random(seed)
    out = []
    for number, packet in enumerate(packets):
        frames = WAYS[way](packet, number, order, rng)
        out += [(packet.time + i, frame) for i, frame in enumerate(frames)]
    return build.pcap(out, magic=build.NANO), out


def of_flows(cap, flows):
    """Rows of the tables that belong to some flows, with flows numbered by rank."""
    found = []
    for name in TABLES:
        table = getattr(cap, name)
        table = table[np.isin(table["flow"], flows)].copy()
        found.append(table[["offset", "length", "time"]].tolist())
        found.append(np.searchsorted(flows, table["flow"]).tolist())
    return found


@pytest.mark.parametrize("order", ["in order", "last first", "any"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", NAMES)
def test_the_file_written_holds_the_chosen_flows_and_no_others(tmp_path, name, way, order):
    packets = twice(name)
    raw, _ = fragmented(packets, way, order)
    with mmscodec.open(raw) as cap:
        flows = cap.flows
        tcp = np.flatnonzero(flows["transport"] == "tcp")
        assert len(tcp) == 4
        client = {int(port) for port in flows["src_port"][tcp]} - {1755}
        for port in sorted(client):
            chosen = np.flatnonzero((flows["src_port"] == port) | (flows["dst_port"] == port))
            count = cap.write_pcap(tmp_path / "out", chosen)
            mine = [number for number, p in enumerate(packets) if port in (p.src_port, p.dst_port)]
            rng = random.Random(1)
            sizes = [len(WAYS[way](p, i, order, rng)) for i, p in enumerate(packets)]
            assert count == sum(sizes[number] for number in mine)
            with mmscodec.open(tmp_path / "out") as again:
                assert len(again.faults) == 0
                assert set(again.flows["src_port"]) == {port, 1755}
                assert of_flows(again, np.arange(len(again.flows))) == of_flows(cap, chosen)
                for column in ("packets", "bytes", "length", "first_time", "last_time"):
                    assert again.flows[column].tolist() == flows[column][chosen].tolist()


def test_a_datagram_that_lost_a_fragment_belongs_to_whom_its_first_one_names(tmp_path):
    packets = recut.read(truth.FOLDER / "vlc_udp.pcap")
    model = next(p for p in packets if p.protocol == 17 and len(p.payload) > 800)
    other = replace(model, dst_port=model.dst_port ^ 1)
    frames = []
    for number, p in enumerate([model] * 6 + [other] * 6):
        parts = [f.ethernet(part) for part in pieces(p.datagram, number)]
        lost = {2: 1, 3: 0, 8: 1, 9: 0}.get(number)
        frames += [part for i, part in enumerate(parts) if i != lost]
    count = len(pieces(model.datagram, 0))
    raw = build.pcap([(10**18 + i * 1000, frame) for i, frame in enumerate(frames)])
    with mmscodec.open(raw, protocols=None) as cap:
        assert len(cap.flows) == 2
        # of the one whose first fragment was lost nobody knows
        assert cap.write_pcap(tmp_path / "out", 0) == 5 * count - 1
        assert cap.write_pcap(tmp_path / "out", 1) == 5 * count - 1


def test_frames_about_a_connection_are_not_of_it(tmp_path):
    first, second = recut.read(truth.FOLDER / "vlc_udp.pcap")[:2]
    icmp = f.ip(
        b"\3\3\0\0" + bytes(4) + first.datagram[:28], src=first.dst, dst=first.src, protocol=1
    )
    frames = [f.ethernet(first.datagram), f.ethernet(icmp), f.ethernet(second.datagram)]
    raw = build.pcap([(first.time + i, frame) for i, frame in enumerate(frames)], magic=build.NANO)
    with mmscodec.open(raw, protocols=None) as cap:
        assert cap.write_pcap(tmp_path / "out") == 2


def test_vlans_that_are_ignored_are_ignored_when_written(tmp_path):
    packets = recut.read(truth.FOLDER / "libmms_seek.pcap")
    frames = [
        (p.time, f.vlan(p.datagram, 7) if p.src_port == 1755 else f.ethernet(p.datagram))
        for p in packets
    ]
    raw = build.pcap(frames, magic=build.NANO)
    with mmscodec.open(raw, ignore_vlan=True) as cap:
        assert len(cap.flows) == 2
        assert cap.write_pcap(tmp_path / "out") == len(packets)


def test_fragments_in_several_files(tmp_path):
    raw, frames = fragmented(twice("vlc_udp.pcap"), "plain", "any")
    for i in range(3):
        (tmp_path / f"{i}.pcap").write_bytes(build.pcap(frames[i::3], magic=build.NANO))
    with mmscodec.open(raw) as whole, mmscodec.open(tmp_path) as parts:
        one = whole.write_pcap(tmp_path / "whole.out", [0, 1])
        assert parts.write_pcap(tmp_path / "parts.out", [0, 1]) == one
    assert (tmp_path / "whole.out").read_bytes() == (tmp_path / "parts.out").read_bytes()
    assert 0 < one < len(capture.records(raw))
