"""What a capture read in batches keeps of its flows, and what that costs, by counters."""

import numpy as np
import pytest

import mmscodec
from mmscodec import mms
from mmscodec.schema.faults import FaultCode
from tests.capture import build, frames

SIZE = 500  # of a segment
ACK, SYN = 16, 2
HEAD = mms.encode("LinkViewerToMacConnect", subscriber_name="a" * 400_000)[:SIZE]


def frame(flow, seq, flags, payload=b""):
    inner = frames.tcp(payload, seq=seq, flags=flags, src_port=2000, dst_port=1755)
    source = f"10.{flow >> 16 & 255}.{flow >> 8 & 255}.{flow & 255}"
    return frames.ethernet(frames.ip(inner, src=source, dst="11.0.0.1", protocol=6))


def unended(flows, segments):
    """Flows that each begin a message of 800 kB and go on with it, one segment in turn."""
    out = []
    for k in range(segments):
        for flow in range(flows):
            if k == 0:
                out.append(frame(flow, 0, SYN))
            payload = HEAD if k == 0 else b"a\0" * (SIZE // 2)
            out.append(frame(flow, 1 + SIZE * k, ACK, payload))
    return build.pcap([(1000 * i, data) for i, data in enumerate(out)], magic=build.NANO)


def syns(flows, first=0):
    """SYNs of as many connections; the first one's time may be before 1970."""
    out = [(first + 1000 * i, frame(i, 7, SYN)) for i in range(flows)]
    whole = b"".join(build.enhanced(item, ticks=item[0] // 1000 - first // 1000) for item in out)
    return build.section() + build.interface(tsoffset=first // 10**9) + whole


class Pipe:
    """A stream that gives 700 bytes at a time."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def read(self, size):
        found = self.data[self.at : self.at + min(size, 700)]
        self.at += len(found)
        return found


def faults_of(source, rows, **options):
    with mmscodec.open(source, **options) as capture:
        if rows is None:
            return np.asarray(capture.faults).tolist()
        return [row for b in capture.iter_batches(rows) for row in np.asarray(b.faults).tolist()]


def test_packets_that_do_not_end_count_against_the_ceiling():
    raw = unended(40, 60)
    ceiling = 200_000
    with mmscodec.open(raw, max_held=ceiling) as capture:
        most = 0
        for _ in capture.iter_batches(50):
            kept = capture._engine._kept
            most = max(most, kept["undecided"])
            assert kept["carried"] <= ceiling // SIZE
    assert ceiling // 2 < most <= ceiling
    assert kept["undecided"] == 0  # all flows have ended
    whole = faults_of(raw, None, max_held=ceiling)
    given_up = [row for row in whole if FaultCode.BEYOND_LIMIT in row]
    assert len(given_up) >= 40 * 60 * SIZE // ceiling
    for rows in (1, 50, 5000):
        assert faults_of(raw, rows, max_held=ceiling) == whole
    for options in ({"spool": False}, {"spool": True}):
        for rows in (None, 50):
            assert faults_of(Pipe(raw), rows, max_held=ceiling, **options) == whole
    assert not [row for row in faults_of(raw, None) if FaultCode.BEYOND_LIMIT in row]


@pytest.mark.parametrize("make", [lambda raw: raw, Pipe], ids=["buffer", "pipe"])
def test_what_is_carried_from_batch_to_batch_costs_no_more_than_what_comes(make):
    work = {}
    for segments in (20, 40, 80):
        with mmscodec.open(make(unended(200, segments))) as capture:
            work[segments] = sum(
                capture._engine._kept["carried"] for _ in capture.iter_batches(100)
            )
    assert work[80] - work[40] <= 2.3 * (work[40] - work[20])


@pytest.mark.parametrize("first", [0, -(10**9) * 86400])
def test_connections_that_say_nothing(first):
    raw = syns(5000, first)
    most = flows = 0
    with mmscodec.open(raw, protocols=None, max_flows=300) as capture:
        for batch in capture.iter_batches(100):
            kept = capture._engine._kept
            assert kept["connections"] <= 300
            assert kept["flows"] <= 2 * 300 + 200
            most, flows = max(most, len(batch.flows)), flows + len(batch.flows)
            assert len(batch.faults) <= 100 + 300
    assert flows >= 5000
    assert most <= 100 + 64 + 300  # the last one ends what is left
    assert capture.counts["evicted"] >= 4700
