"""What waits, up to the ceiling: of flows that nobody knows yet, that are gone, that are done."""

import pytest

import mmscodec
from mmscodec import mms
from tests.capture import build, recut
from tests.capture import frames as f
from tests.hostile.test_live_winmx import segment
from tests.hostile.test_undecided import Pipe, faults_of, unended
from tests.winmx.talks import ACK, SYN

PING = mms.encode("LinkMacToViewerPing")


def pcap(frames):
    return build.pcap([(1000 * i, frame) for i, frame in enumerate(frames)], magic=build.NANO)


def frame(payload, seq, flags=ACK, port=2000, server=5000):
    return f.ethernet(f.ipv4(f.tcp(payload, seq=seq, flags=flags, src_port=port, dst_port=server)))


@pytest.mark.parametrize("protocols", [("mms", "winmx"), None])
@pytest.mark.parametrize("make", [lambda raw: raw, Pipe], ids=["buffer", "pipe"])
def test_flows_that_nobody_knows_yet_wait_up_to_the_ceiling(make, protocols):
    """Begun in the middle, each is looked at until it has 64 KiB, or all together too much."""
    flows, count, size, ceiling = 30, 20, 1000, 100_000
    parts = [bytes([number + 1]) * size for number in range(flows)]
    frames = [
        frame(parts[number], 1 + size * k, port=3000 + number)
        for k in range(count)
        for number in range(flows)
    ]
    most = 0
    with mmscodec.open(make(pcap(frames)), max_held=ceiling, protocols=protocols) as capture:
        for _ in capture.iter_batches(50):
            most = max(most, capture._engine._kept["waiting"])
    assert most <= ceiling
    with mmscodec.open(make(pcap(frames)), max_held=ceiling, protocols=protocols) as capture:
        if protocols:
            assert len(capture.flows) == 0
            return
        assert capture.flows["length"].tolist() == [count * size] * flows
        for row in range(flows):
            assert (
                bytes(capture.stream(row))
                == parts[int(capture.flows["src_port"][row]) - 3000] * count
            )


@pytest.mark.parametrize("make", [lambda raw: raw, Pipe], ids=["buffer", "pipe"])
@pytest.mark.parametrize(("flows", "at_once"), [(40, 1), (3, 3), (6, 6)])
def test_flows_that_were_evicted_while_they_waited(make, flows, at_once):
    frames, lengths = [], []
    for number in range(120):
        time = 10 * (number // at_once)  # those of one moment are evicted together
        frames.append(segment(time, 0, 0, SYN, number=number))
        frames.append(segment(time, 1, 0, SYN | ACK, number=number))
        size = 400 if number % at_once else 1400
        frames.append(segment(time, 1, 501, ACK, b"x" * size, number))
        lengths.append(500 + size)
    raw = build.pcap(recut.ethernet(frames), magic=build.NANO)
    for ceiling in (1000, 1300, 3000, 1 << 20):
        options = {"max_flows": flows, "max_held": ceiling, "protocols": None}
        with mmscodec.open(make(raw), **options) as capture:
            assert capture.gaps["length"].tolist() == [500] * 120
            assert sorted(capture.flows["length"].tolist()) == [0] * 120 + sorted(lengths)
            assert capture.counts["evicted"] > 0


@pytest.mark.parametrize("flows", [1, 2, 40])
def test_flows_that_waited_before_are_no_burden_of_the_ceiling(flows):
    """Their holes were filled; then packets that do not end are too many."""
    done = []
    for port, server in ((2000, 5000), (2001, 1755)):
        done.append(frame(b"", 99, SYN, port, server))
        done.append(frame(PING, 100 + len(PING), ACK, port, server))
        done.append(frame(PING, 100, ACK, port, server))
    raw, before = unended(flows, 20), pcap(done)[24:]
    ceiling = 4000 * flows
    for protocols in (("mms",), None):
        alone = faults_of(raw, None, max_held=ceiling, protocols=protocols)
        both = raw[:24] + before + raw[24:]
        found = faults_of(both, None, max_held=ceiling, protocols=protocols)
        assert len(found) == len(alone) > 0
        assert [row[2:4] for row in found] == [row[2:4] for row in alone]


def test_thousands_of_batches_are_forgotten_but_for_the_last():
    """Of each the pass keeps where bytes lie, to compare copies, until there are too many."""
    count = 72_000
    one = pcap([frame(b"x" * 20, 0, server=1755)])[24:]
    at = len(one) - 20 - 16  # of the sequence number
    parts = [frame(b"", 99, SYN, server=1755)]
    whole = bytearray(pcap(parts))
    for number in range(count):
        whole += one[:at] + (100 + 20 * number).to_bytes(4, "big") + one[at + 4 :]
        if number % 9000 == 8999:  # the one before it comes again, with other bytes
            seq = (100 + 20 * (number - 1)).to_bytes(4, "big")
            whole += one[:at] + seq + one[at + 4 : -1] + b"!"
    most = batches = conflicts = 0
    with mmscodec.open(bytes(whole), max_held=64 << 10, protocols=None) as capture:
        for batch in capture.iter_batches(1):
            batches += 1
            most = max(most, capture._engine._kept["epochs"])
            conflicts = int(batch.flows["conflicts"].sum())
        assert capture.counts["segments"] == count + count // 9000 + 1
    assert batches > 1100
    assert most < 20
    assert conflicts == count // 9000
