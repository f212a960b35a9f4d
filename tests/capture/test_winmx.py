"""WinMX connections in captures: recognised by their handshake, deciphered, decoded."""

import json
from pathlib import Path

import numpy as np
import pytest

import mmscodec
from mmscodec import winmx
from tests.capture import build, recut

FOLDER = Path(__file__).parents[1] / "captures" / "winmx"
LINKS = {
    "secondary": "secondary",
    "patched": "secondary",
    "chat": "chat",
    "primary": "primary",
    "cache": "cache",
}


def said(name):
    lines = [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text().splitlines()]
    out = []
    for line in lines:
        raw, at = bytes.fromhex(line["frame"]), 0
        while line["side"] != "udp" and at < len(raw):
            size = len(raw)
            if name != "primary":
                size = 4 + int.from_bytes(raw[at + 2 : at + 4], "little")
            out.append((line["side"], line["offset"] + at, size))
            at += size
    return sorted(out)


def heard(capture):
    tables = capture.winmx
    flows = capture.flows
    first = flows["first_time"].argmin()
    return sorted(
        ("client" if row["flow"] == first else "server", int(row["offset"]), int(row["length"]))
        for row in tables.packets
    )


@pytest.mark.parametrize("name", LINKS)
def test_every_frame_of_a_captured_connection_is_decoded(name):
    with mmscodec.open(FOLDER / f"{name}.pcap") as capture:
        tcp = capture.flows[capture.flows["transport"] == "tcp"]
        assert set(tcp["protocol"]) == {"winmx"}
        assert set(capture.winmx.links.values()) == {LINKS[name]}
        if name == "cache":
            assert len(capture.nodes) == 10
        else:
            assert heard(capture) == said(name)
        assert len(capture.messages) == 0
        assert len(capture.data) == 0


def test_nodes_of_a_capture_join_on_packets_and_flows():
    with mmscodec.open(FOLDER / "secondary.pcap") as capture:
        nodes, packets = capture.nodes, capture.winmx.packets
        assert len(nodes) == 8 + 8 + 7 + 8 + 9 + 0 + 8 + 24 + 2
        assert np.array_equal(nodes["flow"], packets["flow"][nodes["packet"]])
        assert np.array_equal(nodes["time"], packets["time"][nodes["packet"]])
        assert set(packets["type"][nodes["packet"]]) <= {0x03A1}
        assert (nodes["time"] > capture.flows["first_time"].min()).all()
        assert (nodes["time"] <= capture.flows["last_time"].max()).all()
        plain = b"".join(
            bytes.fromhex(line["frame"])
            for line in map(json.loads, (FOLDER / "secondary.jsonl").read_text().splitlines())
            if line["side"] == "server"
        )
        expected = winmx.decode(plain).nodes
        for column in ("ip", "udp_port", "tcp_port", "record", "current"):
            assert np.array_equal(nodes[column], expected[column])


def test_names_of_both_protocols_are_understood():
    with mmscodec.open(FOLDER / "chat.pcap") as capture:
        assert len(capture["TextToClients"]) == 10
        assert list(capture.column("TextToClients", "text")) == [f"line {i}" for i in range(10)]
        assert len(capture["LinkViewerToMacConnect"]) == 0


@pytest.mark.parametrize("seed", range(3))
def test_a_connection_in_small_pieces_and_bad_order(seed):
    packets = recut.read(FOLDER / "secondary.pcap")
    packets = recut.reordered(recut.duplicated(recut.split(packets, 1 + seed * 5), seed), seed)
    with mmscodec.open(build.pcap(recut.ethernet(packets), magic=build.NANO)) as capture:
        assert heard(capture) == said("secondary")


def test_rows_before_a_lost_segment_are_good():
    packets = recut.read(FOLDER / "secondary.pcap")
    server = [p for p in packets if p.bare and p.payload and p.src_port != packets[0].src_port]
    lost = server[len(server) // 2]
    kept = [p for p in packets if p is not lost]
    at = recut.offsets(packets)[packets.index(lost)]
    with mmscodec.open(build.pcap(recut.ethernet(kept), magic=build.NANO)) as capture:
        found = heard(capture)
        assert found == [
            row for row in said("secondary") if row[0] == "client" or row[1] + row[2] <= at
        ]
        assert len(capture.gaps) == 1


def test_only_mms_wanted_leaves_winmx_out():
    with mmscodec.open(FOLDER / "secondary.pcap", protocols=["mms"]) as capture:
        assert len(capture.flows) == 0


def test_a_greeting_alone_is_no_winmx():
    packets = recut.read(FOLDER / "secondary.pcap")
    noise = [
        p if not p.payload else recut.replace(p, payload=b"1" * len(p.payload)) for p in packets
    ]
    with mmscodec.open(build.pcap(recut.ethernet(noise), magic=build.NANO)) as capture:
        assert len(capture.flows) == 0


def test_findings_point_at_rows_of_the_capture():
    with mmscodec.open([FOLDER / "chat.pcap", FOLDER / "secondary.pcap"]) as capture:
        tables = capture.winmx
        found = tables.findings
        counts = found[found["code"] == 128]
        packets = tables.packets[counts["row"]]
        assert (packets["type"] == 0x03A1).all()
        assert sorted(packets["data_length"] // 12) == [0, 2, 7, 9]
        assert (packets["flow"] == counts["flow"]).all()
        assert (packets["time"] == counts["time"]).all()
        assert (packets["offset"] == counts["offset"]).all()
        assert len(found.text()) == len(found)
