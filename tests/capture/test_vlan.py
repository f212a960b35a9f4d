"""Captures where only one direction of a connection carries a VLAN tag."""

import mmscodec
from mmscodec.capture.scopes import half_connections
from tests.capture import build, recut, truth
from tests.capture import frames as f


def half_tagged(path, first=0):
    packets = recut.read(truth.FOLDER / "libmms_tcp.pcap")[first:]
    items = [
        (p.time, f.vlan(p.datagram, 7) if p.dst_port == 1755 else f.ethernet(p.datagram))
        for p in packets
    ]
    path.write_bytes(build.pcap(items, magic=build.NANO))


def test_both_directions_are_one_connection_if_vlans_are_ignored(tmp_path):
    half_tagged(tmp_path / "half.pcap")
    with mmscodec.open(tmp_path / "half.pcap", ignore_vlan=True) as capture:
        assert capture.flows["peer"].tolist() == [1, 0]
        assert len(capture.sessions) == 1
        assert truth.found(capture) == truth.log("libmms_tcp.pcap")


def test_the_answer_to_a_syn_shows_that_they_are_one(tmp_path):
    half_tagged(tmp_path / "half.pcap")
    with mmscodec.open(tmp_path / "half.pcap") as capture:
        assert capture.flows["peer"].tolist() == [1, 0]
        assert len(set(capture.flows["scope"].tolist())) == 2
        assert half_connections(capture.flows).tolist() == []
        assert truth.found(capture) == truth.log("libmms_tcp.pcap")


def test_without_the_handshake_they_are_strangers_with_the_same_rows(tmp_path):
    half_tagged(tmp_path / "half.pcap", first=3)
    with mmscodec.open(tmp_path / "half.pcap") as capture:
        assert capture.flows["peer"].tolist() == [-1, -1]
        assert half_connections(capture.flows).tolist() == [[0, 1]]
        assert len(capture.messages) == sum(map(len, truth.log("libmms_tcp.pcap")[:2]))
