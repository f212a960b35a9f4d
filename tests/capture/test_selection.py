"""What is looked at and what is not: ports, connections, filters, ceilings."""

import ctypes.util
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import mmscodec
from mmscodec.schema.faults import FaultCode
from tests.capture import build, recut, truth

CLIENT, SERVER = "10.0.0.1", "10.0.0.2"


def raw_of(packets):
    return build.pcap(recut.ethernet(packets), magic=build.NANO)


def moved(packets, number, ports=None):
    """The same connection from another client."""
    client = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    return [
        replace(p, src=client, dst=SERVER)
        if p.dst_port == 1755
        else replace(p, src=SERVER, dst=client)
        for p in packets
    ]


def sessions(count, name="ffmpeg_auth.pcap", step=1000):
    """So many clients that do the same, in turns."""
    model = recut.read(truth.FOLDER / name)
    out = []
    for i, p in enumerate(model):
        for number in range(count):
            out += [
                replace(q, time=model[0].time + (i * count + number) * step)
                for q in moved([p], number + 256)
            ]
    return out, len(model)


def test_ports_narrow_what_is_looked_at():
    packets = recut.read(truth.FOLDER / "vlc_udp.pcap")
    with mmscodec.open(raw_of(packets), ports=[1755]) as capture:
        assert set(capture.flows["transport"]) == {"tcp", "udp"}
    with mmscodec.open(raw_of(packets), ports=[7000]) as capture:
        assert set(capture.flows["transport"]) == {"udp"}
        assert len(capture.data) == 109
    with mmscodec.open(raw_of(packets), ports=[80]) as capture:
        assert len(capture.flows) == 0


def test_chosen_connections_alone():
    packets, _ = sessions(5)
    whole = mmscodec.open(raw_of(packets))
    assert len(whole.flows) == 10
    one = whole.flows[3]
    for selector in (one, tuple(one[["src", "src_port", "dst", "dst_port"]].tolist())):
        with mmscodec.open(raw_of(packets), flows=[selector]) as capture:
            assert len(capture.flows) == 2
            assert {one["src"], one["dst"]} == set(capture.flows["src"])


def test_every_flow_is_kept_when_no_protocol_is_asked_for():
    packets = recut.read(truth.FOLDER / "vlc_udp.pcap")
    other = [replace(p, src_port=p.src_port + 1, payload=p.payload[::-1]) for p in packets]
    with mmscodec.open(raw_of([*packets, *other]), protocols=None) as capture:
        assert "" in set(capture.flows["protocol"])
        for number, flow in enumerate(capture.flows):
            assert len(capture.stream(number)) == flow["length"]


needs_libpcap = pytest.mark.skipif(
    ctypes.util.find_library("pcap") is None, reason="libpcap is not installed"
)


@needs_libpcap
def test_a_filter_lets_through_what_libpcap_says():
    packets = recut.read(truth.FOLDER / "vlc_udp.pcap")
    with mmscodec.open(raw_of(packets), filter="udp port 7000") as capture:
        assert set(capture.flows["transport"]) == {"udp"}
        assert len(capture.data) == 109
    with mmscodec.open(raw_of(packets), filter="tcp") as capture:
        assert set(capture.flows["transport"]) == {"tcp"}
    frames = [(p.time, recut.f.cooked(p.datagram)) for p in packets]
    cooked = build.pcap(frames, linktype=113, magic=build.NANO)
    with mmscodec.open(cooked, filter="src port 1755 and tcp") as capture:
        assert list(capture.flows["src_port"]) == [1755]


@needs_libpcap
def test_a_wrong_filter_is_refused_in_words():
    with pytest.raises(ValueError, match="syntax error"):
        mmscodec.open(b"", filter="port port")


def test_too_many_connections_end_the_longest_silent_with_a_fault():
    first, _ = sessions(100)
    later = [replace(p, time=p.time + 10**12) for p in sessions(50, "libmms_notfound.pcap")[0]]
    later = [
        replace(p, src=p.src.replace("10.0.1.", "10.9.9."), dst=p.dst.replace("10.0.1.", "10.9.9."))
        for p in later
    ]
    open_ended = [p for p in first if not p.flags & 1]
    with mmscodec.open(raw_of(open_ended + later), max_flows=110) as capture:
        assert capture.counts["evicted"] > 0
        evicted = capture.faults[capture.faults["code"] == FaultCode.FLOW_EVICTED]
        assert len(evicted) == 2 * capture.counts["evicted"]
        old = capture.flows["first_time"] < 10**12 + first[0].time
        assert old[evicted["flow"]].all()
        assert len(capture.flows) == 300
    whole = mmscodec.open(raw_of(open_ended + later))
    assert len(whole.messages) == len(capture.messages)


def test_bytes_held_in_all_have_a_ceiling():
    packets, _ = sessions(60, "libmms_seek.pcap")
    lost = {}
    kept = []
    for p in packets:
        if p.src_port == 1755 and len(p.payload) > 1000 and p.flow not in lost:
            lost[p.flow] = p
            continue
        kept.append(p)
    server = [p for p in kept if p.src_port == 1755]
    with mmscodec.open(raw_of(server), max_held=1 << 20) as capture:
        assert len(capture.gaps) == 60
        assert (capture.gaps["reason"] == 2).any()
        assert capture.gaps["length"].sum() == sum(len(p.payload) for p in lost.values())
        rows = len(capture.data)
    with mmscodec.open(raw_of(server)) as capture:
        assert (capture.gaps["reason"] == 3).all()
        assert len(capture.data) == rows


def test_bytes_that_differ_in_a_retransmission_are_reported_and_not_taken():
    packets = recut.read(truth.FOLDER / "libmms_seek.pcap")
    index = next(i for i, p in enumerate(packets) if p.src_port == 1755 and len(p.payload) > 900)
    forged = replace(packets[index], payload=packets[index].payload[:-5] + b"\xff" * 5)
    packets.insert(index + 3, replace(forged, time=packets[index + 2].time))
    with mmscodec.open(raw_of(packets)) as capture:
        assert truth.found(capture) == truth.log("libmms_seek.pcap")
        assert capture.flows["conflicts"].sum() == 5
        (fault,) = capture.faults
        assert fault["code"] == FaultCode.OVERLAP_CONFLICT
        assert fault["have"] == 5


def test_a_flow_of_no_interest_that_turns_into_mms_is_found():
    packets = recut.read(truth.FOLDER / "libmms_tcp.pcap")
    start = packets[0].time
    strange = [
        replace(packets[0], flags=2, seq=5, payload=b"", time=start),
        replace(packets[0], flags=24, seq=6, payload=b"GET / HTTP/1.0\r\n\r\n" * 9, time=start),
    ]
    late = [p for p in packets if not p.flags & 2]
    with mmscodec.open(raw_of(strange + late)) as capture:
        c2s, s2c, data = truth.found(capture)
        assert (c2s, s2c, data) == truth.log("libmms_tcp.pcap")


def test_a_hundred_thousand_connections_are_told_apart():
    count = 100_000
    model = recut.read(truth.FOLDER / "libmms_notfound.pcap")
    syn, first = model[0], next(p for p in model if p.dst_port == 1755 and p.payload)
    head = build.pcap_header(magic=build.NANO)
    frames = [recut.ethernet([p])[0][1] for p in moved([syn, first], 0)]
    table = np.zeros(count, np.uint32)
    parts = []
    for frame in frames:
        record = build.pcap_record((syn.time, frame), magic=build.NANO)
        rows = np.tile(np.frombuffer(record, np.uint8), (count, 1))
        address = np.arange(count, dtype=">u4") + 0x0A000000
        rows[:, 16 + 26 : 16 + 30] = address.view(np.uint8).reshape(-1, 4)
        parts.append(rows.tobytes())
        table += 1
    with mmscodec.open(head + b"".join(parts)) as capture:
        assert len(capture.messages) == count
        assert len(np.unique(capture.messages["flow"])) == count
        assert capture.counts["evicted"] == 0


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
@pytest.mark.parametrize("kind", ["connections", "holes"])
def test_floods_stay_within_their_ceilings(kind):
    """Half a million segments that want to be remembered, each for ever."""
    code = f"""
import numpy as np, mmscodec
from benchmarks.capture_corpus import records
from tests.capture.build import NANO, pcap_header
count = 500_000
number = np.arange(count)
if {kind!r} == "connections":
    rows = records(number, np.zeros(count), 2, np.zeros((count, 0), np.uint8), 0)
else:  # single bytes with a hole behind each
    rows = records(number % 500, 1000 + 2 * (number // 500), 16, np.ones((count, 1), np.uint8), 0)
raw = pcap_header(magic=NANO) + rows.tobytes()
def used():
    lines = open("/proc/self/status").read().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("RssAnon")))
mmscodec.open(raw[:24]).counts  # all that an import takes
before = used()
capture = mmscodec.open(raw, max_flows=50_000, max_held=16 << 20)
counts = capture.counts
assert counts["segments"] == count
print(used() - before, counts["evicted"])
"""
    out = subprocess.check_output([sys.executable, "-c", code], cwd=Path(__file__).parents[2])
    used, evicted = map(int, out.split())
    assert used < 96 << 10  # KiB; the gaps of flows on port 1755 are rows of 40 bytes each
    assert bool(evicted) == (kind == "connections")


OWN = sorted(
    path
    for folder in ("mms", "winmx")
    for path in (Path(__file__).parents[1] / "captures" / folder).glob("*.pcap*")
)


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_keeping_every_flow_decodes_what_is_known_among_them(path):
    with mmscodec.open(path) as known, mmscodec.open(path, protocols=None) as every:
        for table in ("packets", "messages", "data", "nodes", "faults"):
            assert len(getattr(every, table)) == len(getattr(known, table)), table
        assert len(every.messages) + len(every.winmx.packets) > 0
        assert every.flows["length"].sum() >= known.flows["length"].sum()
