"""Segments lost just before a FIN: its sequence number says how much is missing."""

import numpy as np
import pytest

import mmscodec
from tests.capture import build, recut, truth

FIN = 1
NAMES = ["libmms_tcp.pcap", "libmms_seek.pcap"]


def ended(name, port):
    """Packets of a session with the place of a side's FIN, whose sender has this port."""
    packets = recut.read(truth.FOLDER / name)
    return packets, next(i for i, p in enumerate(packets) if p.flags & FIN and p.src_port == port)


def without_last(name, lost):
    """The session without the server's last segments with payload: the capture, bytes lost."""
    packets, fin = ended(name, 1755)
    places = [i for i in range(fin) if packets[i].src_port == 1755 and packets[i].payload]
    gone = places[-lost:]
    size = sum(len(packets[i].payload) for i in gone)
    kept = [p for i, p in enumerate(packets) if i not in gone]
    return build.pcap(recut.ethernet(kept), magic=build.NANO), size


def gaps_of(tables):
    flows = tables.flows
    return [
        (flows["src_port"][tables.flow_rows(row["flow"])], row["offset"], row["length"])
        for row in tables.gaps
    ]


@pytest.mark.parametrize("lost", [0, 1, 2, 5])
@pytest.mark.parametrize("name", NAMES)
def test_what_was_lost_before_a_fin_is_missing(name, lost):
    raw, size = without_last(name, lost) if lost else (recut_whole(name), 0)
    with mmscodec.open(raw) as capture:
        found = gaps_of(capture)
        (flow,) = np.flatnonzero(capture.flows["src_port"] == 1755)
        length = int(capture.flows["length"][flow])
        assert [row[2] for row in found] == ([size] if lost else [])
        assert all(port == 1755 and at + missing == length for port, at, missing in found)
        (row,) = capture.sessions
        assert bool(row["partial"]) == bool(lost)
    batches = []
    with mmscodec.open(raw) as capture:
        for batch in capture.iter_batches(rows=7):
            batches += gaps_of(batch)
    assert batches == found


def recut_whole(name):
    return build.pcap(recut.ethernet(ended(name, 1755)[0]), magic=build.NANO)


def test_a_fin_far_away_or_behind_says_nothing():
    packets, fin = ended(NAMES[0], 1755)
    for seq in (packets[fin].seq - 700, packets[fin].seq + (1 << 30)):
        changed = list(packets)
        changed[fin] = recut.replace(packets[fin], seq=seq & 0xFFFFFFFF)
        raw = build.pcap(recut.ethernet(changed), magic=build.NANO)
        with mmscodec.open(raw) as capture:
            assert len(capture.gaps) == 0
