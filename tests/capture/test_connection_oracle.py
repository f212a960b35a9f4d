"""Connections of every kind in one capture, against an oracle written from the rules alone."""

import random
from collections import Counter

import pytest

import mmscodec
from tests.capture import build, connection_play
from tests.capture.test_tcp_play import Pipe
from tests.oracle.connections import Connections

FORMS = ("plain", "option", "threads", "pipe", "unspooled")


def oracle(items):
    connections = Connections()
    for item in items:
        connections.segment(item.seen())
    return connections.flows()


def kernels(raw, form):
    piped = form in ("pipe", "unspooled")
    chosen = {"protocols": None, "threads": 2 if form == "threads" else 1}
    out = []
    with mmscodec.open(Pipe(raw) if piped else raw, spool=form != "unspooled", **chosen) as cap:
        for row in cap.flows:
            flow, length = int(row["flow"]), int(row["length"])
            gaps = []
            for gap in cap.gaps[cap.gaps["flow"] == flow]:
                if gaps and sum(gaps[-1]) == gap["offset"]:
                    gaps[-1] = gaps[-1][0], gaps[-1][1] + int(gap["length"])
                else:
                    gaps.append((int(gap["offset"]), int(gap["length"])))
            runs, at = [], 0
            for start, size in [*gaps, (length, 0)]:
                if start > at:
                    runs.append((at, bytes(cap.read(flow, at, start - at))))
                at = start + size
            ends = tuple((str(row[end]), int(row[f"{end}_port"])) for end in ("src", "dst"))
            out.append((*ends, length, runs, gaps, int(row["conflicts"])))
    return out


def compared(seed, forms=FORMS):
    """What the oracle says of a capture, after every form of reading it has said the same."""
    items = connection_play.play(seed)
    rng = random.Random(seed)
    frames = connection_play.capture(items)
    raw = build.pcap(frames, magic=build.NANO)
    if rng.random() < 0.3:  # cut: the records in front of the cut are whole
        cut = rng.randrange(len(raw) // 2, len(raw))
        whole = len(build.pcap(frames[: len(items)], magic=build.NANO))
        while whole > cut:
            items = items[:-1]
            whole -= 16 + len(frames[len(items)][1])
        raw = raw[:cut]
    want = oracle(items)
    for form in forms:
        file = raw
        if form == "option":
            file = build.pcap(
                connection_play.capture(items, b"\1\1\1\1"), magic=build.NANO
            )  # fmt: skip
        found = kernels(file, form)
        assert found == want, (seed, form)
    return items, want


@pytest.mark.parametrize("seed", range(25))
def test_connections_are_those_of_the_oracle(seed):
    compared(seed)


def test_figures():
    """Over many captures: nothing is lost, invented or unsaid."""
    figures = Counter()
    for seed in range(100, 200):
        items, flows = compared(seed, ("plain",))
        figures["segments"] += len(items)
        figures["flows"] += len(flows)
        figures["bytes"] += sum(len(run) for flow in flows for _, run in flow[3])
        figures["gaps"] += sum(len(flow[4]) for flow in flows)
    assert figures["flows"] > 300
    assert figures["bytes"] > 500_000
    assert figures["gaps"] > 100
