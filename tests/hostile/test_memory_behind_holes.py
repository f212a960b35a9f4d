"""Connections with a hole that never fills: what is kept of them has its ceilings, by counters."""

import io

import pytest

import mmscodec
from tests.capture import build, recut
from tests.hostile.test_live_winmx import BLOCK, segment
from tests.winmx.talks import ACK, SYN

FLOWS, HELD, BATCH = 100, 1 << 20, 40
HEADS = {"winmx": b"1" + BLOCK, "nothing": b"", "other": b"nothing that is known"}


def holes(kind, connections):
    """Connections of which bytes are missing for ever: in front of 40 others."""
    head = HEADS[kind]
    for number in range(connections):
        yield segment(10 * number, 0, 0, SYN, number=number)
        yield segment(10 * number + 1, 1, 0, SYN | ACK, number=number)
        if head:
            yield segment(10 * number + 2, 1, 1, ACK, head, number)
        yield segment(10 * number + 3, 1, 501 + len(head), ACK, b"x" * 40, number)


class Pipe:
    """Read in order, a few records at a time."""

    def __init__(self, raw):
        self.raw = io.BytesIO(raw)

    def read(self, size):
        return self.raw.read(min(size, 7000))


def most_kept(kind, connections, protocols):
    """The largest of each counter after any batch, and how many batches and gaps there were."""
    raw = build.pcap(recut.ethernet(list(holes(kind, connections))), magic=build.NANO)
    most, batches, gaps = {}, 0, 0
    with mmscodec.open(
        Pipe(raw), spool=False, max_flows=FLOWS, max_held=HELD, protocols=protocols
    ) as capture:
        for batch in capture.iter_batches(rows=BATCH):
            batches += 1
            gaps += len(batch.gaps)
            kept = capture._engine._kept
            most = {name: max(value, most.get(name, 0)) for name, value in kept.items()}
    return most, batches, gaps


@pytest.mark.parametrize(
    ("kind", "protocols"),
    [("winmx", ("mms", "winmx")), ("winmx", None), ("other", None), ("nothing", None)],
)
def test_what_is_kept_does_not_grow_with_the_connections(kind, protocols):
    few, _, _ = most_kept(kind, 2000, protocols)
    most, batches, gaps = most_kept(kind, 6000, protocols)
    assert batches > 20
    assert gaps == 6000
    assert most["compared"] <= HELD // 8
    assert most["epochs"] * 1024 <= HELD // 8 + 1024
    assert most["waiting"] <= HELD
    assert most["connections"] <= FLOWS
    assert most["slots"] <= 1024
    for name in ("pieces", "queued", "flows", "streams"):
        assert most[name] <= max(few[name], 4 * FLOWS), name
