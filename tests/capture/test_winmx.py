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
        if flows["transport"][row["flow"]] == "tcp"
    )


@pytest.mark.parametrize("name", LINKS)
def test_every_frame_of_a_captured_connection_is_decoded(name):
    with mmscodec.open(FOLDER / f"{name}.pcap") as capture:
        tcp = capture.flows[capture.flows["transport"] == "tcp"]
        assert set(tcp["protocol"]) == {"winmx"}
        assert {capture.winmx.links[flow] for flow in tcp["flow"].tolist()} == {LINKS[name]}
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


def test_findings_of_both_protocols_stand_in_one_table():
    files = [
        FOLDER / "chat.pcap",
        FOLDER / "secondary.pcap",
        FOLDER.parent / "mms" / "vlc_udp.pcap",
    ]
    with mmscodec.open(files[2]) as alone, mmscodec.open(files) as capture:
        found = capture.findings
        mms, rest = found[found["table"] <= 3], found[found["table"] > 3]
        assert len(alone.findings) == len(mms) > 0
        assert len(rest) == len(capture.winmx.findings) > 0
        lines = found.text()
        # as the MMS findings alone, but for the number of the flow
        assert [line.split(" ", 2)[2] for line in lines[: len(mms)]] == [
            line.split(" ", 2)[2] for line in alone.findings.text()
        ]
        for row, line in zip(rest, lines[len(mms) :]):
            table = {4: capture.nodes, 5: capture.winmx.packets}[int(row["table"])]
            assert table["flow"][row["row"]] == row["flow"]
            assert table["time"][row["row"]] == row["time"]
            assert line.startswith(f"flow {row['flow']} 0x{row['offset']:x} ".rstrip())
        assert len(found.select(2)) == (found["severity"] == 2).sum()


def rows_in(tables, name):
    """Rows of a table as plain values, without numbers that count within a batch."""
    rows = getattr(tables, name)
    names = [n for n in rows.dtype.names if n not in ("packet", "padding")]
    return sorted(map(tuple, rows[names].tolist()))


@pytest.mark.parametrize("size", [40, 700, 10**6])
@pytest.mark.parametrize("name", LINKS)
def test_rows_come_in_batches_as_they_become_complete(name, size):
    path = FOLDER / f"{name}.pcap"
    with mmscodec.open(path) as whole:
        expected = {key: rows_in(whole.winmx, key) for key in ("packets", "nodes", "faults")}
        links = dict(whole.winmx.links)
    found = {key: [] for key in expected}
    seen, batches = {}, 0
    pieces = Trickle(path.read_bytes(), size)
    with mmscodec.open(pieces, spool=False) as capture:
        for batch in capture:
            batches += bool(len(batch.winmx.packets))
            for key, rows in found.items():
                rows += rows_in(batch.winmx, key)
            seen |= batch.winmx.links
            assert np.array_equal(
                batch.nodes["time"], batch.winmx.packets["time"][batch.nodes["packet"]]
            )
    assert {key: sorted(rows) for key, rows in found.items()} == expected
    assert seen == links
    assert batches > 3 or size > 700 or name == "cache"


class Trickle:
    """A file object that gives a few bytes at a time."""

    def __init__(self, data, size):
        self.data, self.size = data, size

    def read(self, size):
        out, self.data = self.data[: self.size], self.data[self.size :]
        return out


def test_nothing_is_kept_of_connections_that_have_ended():
    packets = recut.read(FOLDER / "chat.pcap")
    length = packets[-1].time - packets[0].time + 10**9
    again = []
    for i in range(40):
        moved = recut.shifted(packets, i * 10**8)
        again += [recut.replace(p, time=p.time + i * length) for p in moved]
    raw = build.pcap(recut.ethernet(again), magic=build.NANO)
    texts = []
    with mmscodec.open(Trickle(raw, 5000), spool=False) as capture:
        for batch in capture:
            texts += list(batch.winmx.column("TextToClients", "text"))
            kept = len(batch.winmx.links)
            assert kept <= 4
    assert texts == [f"line {i}" for i in range(10)] * 40


# ---- datagrams


def advertisements():
    lines = (FOLDER / "primary.jsonl").read_text().splitlines()
    return [
        bytes.fromhex(line["frame"]) for line in map(json.loads, lines) if line["side"] == "udp"
    ]


def test_room_advertisements_are_known_on_any_port():
    with mmscodec.open(FOLDER / "primary.pcap") as capture:
        tables = capture.winmx
        (flow,) = np.flatnonzero(capture.flows["transport"] == "udp")
        assert tables.links[flow] == "udp"
        rows = tables.packets[tables.packets["flow"] == flow]
        plain = advertisements()
        assert rows["length"].tolist() == [len(item) for item in plain]
        assert rows["offset"].tolist() == np.cumsum([0, *map(len, plain)])[:-1].tolist()
        assert rows["time"].tolist() == sorted(rows["time"].tolist())
        assert capture.flows["last_time"][flow] == rows["time"][-1]
        rooms = capture["RoomAdvertisement"]
        assert rooms["flow"].tolist() == [flow] * sum(item[4] == 0x47 for item in plain)
        names = capture.column("RoomAdvertisement", "room_name")
        assert list(names) == [f"Room {i}_010200C01A2B" for i in range(len(names))]


def datagrams(payloads, src_port=6000, dst_port=7000, cut=None):
    out = []
    for i, payload in enumerate(payloads):
        frame = recut.f.ethernet(
            recut.f.ip(
                recut.f.udp(payload, src_port=src_port, dst_port=dst_port),
                src="10.0.0.1", dst="10.0.0.2", protocol=17,
            )
        )  # fmt: skip
        whole = len(frame)
        if cut is not None and i in cut:
            frame = frame[:-5]
        out.append((10**18 + i * 1000, frame, whole))
    return build.pcap(out, magic=build.NANO)


def test_a_datagram_that_was_cut_is_left_out_and_the_next_is_not_moved():
    sent = [winmx.cipher.udp_encipher(item) for item in advertisements()]
    with mmscodec.open(datagrams(sent * 2, cut={1, 4})) as capture:
        packets = capture.winmx.packets
        at = np.cumsum([0, *map(len, sent * 2)])[:-1]
        kept = [i for i in range(2 * len(sent)) if i not in (1, 4)]
        assert packets["offset"].tolist() == at[kept].tolist()
        assert packets["time"].tolist() == [10**18 + i * 1000 for i in kept]
        assert len(capture.gaps) == 2


def test_the_type_of_a_datagram_is_found_whatever_its_length():
    rng = np.random.default_rng(11)
    for size in [*range(22, 60), 255, 256, 257, 300, 511, 512]:
        strings = b"r" + bytes(rng.integers(0x20, 0x7F, size - 22, np.uint8)) + b"\0" + b"\0"
        plain = rng.bytes(4) + b"\x47" + rng.bytes(4) + bytes(8) + rng.bytes(2) + strings
        assert len(plain) == size
        with mmscodec.open(datagrams([winmx.cipher.udp_encipher(plain)])) as capture:
            assert len(capture["RoomAdvertisement"]) == 1, size


def test_other_datagrams_are_not_taken_for_winmx():
    rng = np.random.default_rng(5)
    ordinary = [
        bytes.fromhex("12340100000100000000000003777777076578616d706c6503636f6d0000010001"),
        b"\x24" + bytes(47),  # NTP
        b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n\r\n",
        bytes(100),
        b"\xff" * 100,
    ]
    noise = [rng.bytes(int(rng.integers(1, 300))) for _ in range(20_000)]
    frames = []
    for i, payload in enumerate(noise + ordinary * 4):
        inner = recut.f.udp(payload, src_port=1024 + i % 60000, dst_port=6257)
        frame = recut.f.ethernet(recut.f.ip(inner, src="10.0.0.1", dst="10.0.0.2", protocol=17))
        frames.append((10**18 + i * 1000, frame))
    with mmscodec.open(build.pcap(frames, magic=build.NANO), protocols=["winmx"]) as capture:
        assert len(capture.flows) == 0
