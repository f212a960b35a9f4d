"""Times are nanoseconds of int64; whatever a file claims, none is the least of them, -2^63, which
NumPy and Arrow take for "no time"."""

import random
import struct

import numpy as np
import pytest

import mmscodec
from mmscodec import mms
from mmscodec.capture.record_table import records
from tests.capture import build, frames

LEAST = -(1 << 63)
EDGES = [0, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**53, 2**63 - 1, 2**63, 2**64 - 1]
TABLES = ("flows", "packets", "messages", "data", "gaps", "faults", "findings", "sessions",
          "exchanges", "transitions")  # fmt: skip


def block(kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    size = 12 + len(body)
    return struct.pack("<II", kind, size) + body + struct.pack("<I", size)


def option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def segments(rng: random.Random) -> list[bytes]:
    seq, out = 1000, []
    for i in range(12):
        name = rng.choice(["LinkMacToViewerPing", "LinkMacToViewerReportOpenFile"])
        payload = mms.encode(name, seq=i)
        payload += mms.encode("Data", location_id=i, play_incarnation=4, payload=bytes(30))
        if rng.random() < 0.8:
            out.append(
                frames.ethernet(
                    frames.ipv4(frames.tcp(payload, seq=seq, src_port=1755, dst_port=4000))
                )
            )
        seq += len(payload)
    return out


def pcapng(rng: random.Random) -> bytes:
    """Resolutions, offsets and times from the edges, at random."""
    out = [block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))]
    count = rng.randrange(1, 4)
    for _ in range(count):
        options = b""
        if rng.random() < 0.8:
            options += option(
                9, bytes([rng.choice([0, 3, 6, 9, 10, 19, 20, 0x80, 0xBF, 0xFF, 63])])
            )
        if rng.random() < 0.6:
            options += option(14, struct.pack("<Q", rng.choice([*EDGES, rng.getrandbits(64)])))
        out.append(block(1, struct.pack("<HHI", 1, 0, 0) + options))
    for frame in segments(rng):
        time = rng.choice([*EDGES, rng.getrandbits(64), rng.getrandbits(40)])
        head = struct.pack(
            "<IIIII", rng.randrange(count), time >> 32, time & 0xFFFFFFFF, len(frame), len(frame)
        )
        out.append(block(6, head + frame))
    return b"".join(out)


def pcap(rng: random.Random) -> bytes:
    """Seconds and their parts from the edges, at random."""
    out = [build.pcap_header(magic=rng.choice([0xA1B2C3D4, 0xA1B23C4D]))]
    for frame in segments(rng):
        second, part = (rng.choice([*EDGES[:5], rng.getrandbits(32)]) for _ in range(2))
        out.append(struct.pack("<IIII", second, part, len(frame), len(frame)) + frame)
    return b"".join(out)


def times_of(table: np.ndarray) -> list[int]:
    rows = np.asarray(table)
    names = [name for name in rows.dtype.names or () if rows.dtype[name].kind in "iM"]
    return [value for name in names for value in rows[name].astype(np.int64).tolist()]


@pytest.mark.parametrize("make", [pcapng, pcap])
@pytest.mark.parametrize("seed", range(60))
def test_no_time_is_the_least_number(make, seed):
    rng = random.Random(seed)
    file = bytearray(make(rng))
    if rng.random() < 0.5:  # damaged as well
        for _ in range(rng.randrange(1, 4)):
            file[rng.randrange(24, len(file))] = rng.randrange(256)
        del file[rng.randrange(len(file) // 2, len(file)) :]
    with mmscodec.open(bytes(file), protocols=None) as cap:
        found = [getattr(cap, name) for name in TABLES]
    with mmscodec.open(bytes(file), protocols=None) as cap:
        for batch in cap.iter_batches(rows=5):
            found += [getattr(batch, name) for name in TABLES[:7]]
    walked = records(bytes(file))
    found += [walked.rows, walked.faults]
    assert sum(map(len, found)) > 0
    for table in found:
        assert LEAST not in times_of(table), np.asarray(table).dtype.names


@pytest.mark.parametrize("make", [pcapng, pcap])
def test_times_of_the_generator_reach_the_edges(make):
    times = [
        time for seed in range(60)
        for time in records(make(random.Random(seed))).rows["time"].tolist()
    ]  # fmt: skip
    assert len(times) > 400
    assert (max(times) == 2**63 - 1) == (make is pcapng)
    assert (min(times) < -(1 << 62)) == (make is pcapng)
