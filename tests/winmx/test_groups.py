"""Connections of one capture that are decoded together: each has the rows that it has alone."""

import random

import numpy as np
import pytest

import mmscodec
from mmscodec import winmx
from mmscodec.winmx._cipher import decipher_pairs
from mmscodec.winmx.groups import JUDGED
from tests.winmx import talks
from tests.winmx.test_filetransfer import made_of, spoken

TABLES = ("packets", "nodes", "faults", "findings")


def odd_frames(rng):
    """Lists of other lengths, types that nobody knows, fields that are cut."""
    out = [rng.randbytes(2) + bytes([size, 0]) + rng.randbytes(size) for size in (0, 3, 9)]
    out += [bytes([0xA1, 3, size, 0]) + rng.randbytes(size) for size in (0, 11, 13, 96, 108)]
    who = {"user_handle": "WinMX b8a1797a1871", "user_name": "Gumdrop609_21270"}
    out.append(winmx.encode("BrowseEntry", **who, file_path="a", size=1))
    out.append(out[-1][:2] + bytes([9, 0]) + out[-1][4:13])
    return rng.sample(out, rng.randrange(len(out)))


def some(seed, monkeypatch):
    """A capture of one connection, of any kind, whole or not."""
    rng, plain = random.Random(seed), talks.frames_of
    kind = rng.choice(["talk"] * 6 + ["cache", "transfer"])
    if kind == "cache":
        made = talks.cache(seed, rng.choice([149, 60, 200]), client=rng.choice([b"", b"x" * 16]))
    elif kind == "transfer":
        made = made_of(spoken(rng.choice(["GET", "SEND"]), 1)[0], 1)
    else:
        link, odd = rng.choice(list(talks.LINKS)), odd_frames(rng)
        block = rng.choice(["client_block", "server_block"] + [""] * 6)
        monkeypatch.setattr(
            talks, "frames_of", lambda *args: plain(*args) + odd * (link != "primary")
        )
        made = talks.talk(seed, link, patched=rng.random() < 0.2, most=rng.choice([20, 700]),
                          **({block: rng.randbytes(16)} if block else {}))  # fmt: skip
        monkeypatch.setattr(talks, "frames_of", plain)
    segments = list(made.segments)
    if rng.random() < 0.2:
        del segments[rng.randrange(len(segments))]
    elif rng.random() < 0.2:
        segments = segments[: rng.randrange(1, len(segments) + 1)]
    sides = rng.choice([(0, 1)] * 6 + [(0,), (1,)])
    return talks.capture(made, segments, sides=sides, fin=rng.random() < 0.7)


def rows_by_flow(tables, name, directions):
    """Rows of each client and direction, with packets and rows counted from its first."""
    rows = np.asarray(tables[name] if name not in TABLES else getattr(tables, name))
    of_packets, of_nodes = tables.packets["flow"], np.asarray(tables.nodes["flow"])
    out = {}
    for row in rows:
        line = {column: row[column].item() for column in rows.dtype.names}
        flow = line.pop("flow")
        if line.get("packet", -1) >= 0:
            line["packet"] -= int(np.argmax(of_packets == flow))
        if "row" in line:
            line["row"] -= int(np.argmax((of_nodes if line["table"] == 4 else of_packets) == flow))
        out.setdefault(directions[flow], []).append(line)
    return out


def told(cap, number=None):
    """All rows by client and port, as plain objects."""
    flows = cap.flows
    ends = {}
    for row in flows:
        src, dst = str(row["src"]), str(row["dst"])
        client = src if src != talks.ENDS[1][0] else dst
        ends[int(row["flow"])] = number if number is not None else client, src == client
    names = [*TABLES, "NodeList", "BrowseEntry", "QueueStatus", "RoomListQuery"]
    found = {name: rows_by_flow(cap.winmx, name, ends) for name in names}
    found["links"] = {ends[flow]: link for flow, link in cap.winmx.links.items()}
    texts = cap.winmx.column("QueueStatus", "status_text")
    found["texts"] = {}
    for row, text in zip(cap.winmx["QueueStatus"]["flow"].tolist(), texts.tolist()):
        found["texts"].setdefault(ends[row], []).append(text)
    return found


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("shuffled", [False, True])
def test_connections_of_a_capture_have_the_rows_that_they_have_alone(seed, shuffled, monkeypatch):
    captures = [some(100 * seed + number, monkeypatch) for number in range(12)]
    expected = {}
    for number, data in enumerate(captures):
        client = f"10.1.0.{number}"
        for name, rows in told(mmscodec.open(data), client).items():
            expected.setdefault(name, {}).update(rows)
    cap = mmscodec.open(talks.together(captures, shuffled))
    assert told(cap) == expected
    assert len(cap.winmx.packets)
    assert len(cap.winmx.findings)


def test_batches_of_flows_have_the_rows_of_the_tables(monkeypatch):
    captures = [some(700 + number, monkeypatch) for number in range(12)]
    tables = mmscodec.open(talks.together(captures)).winmx
    packets = np.concatenate([batch.packets for _, batch in tables.batches])
    assert tables.packets[list(packets.dtype.names)].tolist() == packets.tolist()
    owners = [flow for flow, batch in tables.batches for _ in range(len(batch.packets))]
    assert tables.packets["flow"].tolist() == owners
    counts = [len(batch.faults) for _, batch in tables.batches]
    assert len(tables.faults) == sum(counts)
    for flow, batch in tables.batches:
        mine = np.asarray(tables.faults)[tables.faults["flow"] == flow]
        assert mine["code"].tolist() == batch.faults["code"].tolist()
        assert mine["offset"].tolist() == batch.faults["offset"].tolist()


@pytest.mark.parametrize(("start", "length"), [(-1, 1), (0, -1), (9, 0), (4, 5)])
def test_streams_outside_of_the_buffer_are_refused(start, length):
    data, pair = np.zeros(8, np.uint8), np.array([[start, length], [0, 0]], np.int64)
    with pytest.raises(ValueError, match="does not lie"):
        winmx.Batch().scan_many(
            data, "", pair[:1, 0].copy(), pair[:1, 1].copy(), np.zeros(2, np.int64)
        )
    with pytest.raises(ValueError, match="does not lie"):
        decipher_pairs(data, pair[:, 0].copy(), pair[:, 1].copy(), np.zeros(1, JUDGED))
    with pytest.raises(ValueError, match="two streams"):
        decipher_pairs(data, pair[:, 0].copy(), pair[:, 1].copy(), np.zeros(2, JUDGED))
    with pytest.raises(ValueError, match="two results"):
        winmx.Batch().scan_many(
            data, "", pair[:, 0].copy(), pair[:, 1].copy(), np.zeros(2, np.int64)
        )
