"""Hostile variants of good captures: never a crash, a hang, or a row outside of the file."""

import os
import random
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mmscodec.capture._record_reader import RecordReader
from mmscodec.capture.mapped import MemorySource, Source
from mmscodec.schema.faults import FaultCode
from tests.capture import build
from tests.capture.shared import CAPTURES, oracle

OWN = Path(__file__).parents[1] / "captures" / "mms"


def seeds(count, largest):
    """Small good captures: our own, one of every variant, and public ones where they are."""
    made = list(build.files(build.frames(4, size=40)).values())
    made += [path.read_bytes()[:largest] for path in sorted(OWN.glob("*.pcap*"))]
    public = sorted(oracle().values(), key=lambda entry: entry["size"])
    public = [entry for entry in public if not entry["file"].endswith(".gz")]
    made += [(CAPTURES / entry["file"]).read_bytes()[:largest] for entry in public[:count]]
    return made


def survives(data):
    """Walk; every row must lie in the file, behind the one before, and all bytes be consumed."""
    walker = RecordReader(MemorySource(data))
    rows = walker.rows()
    ends = rows["position"].astype(np.int64) + rows["caplen"]
    assert walker.position == len(data)
    assert len(rows) == 0 or ends[-1] <= len(data)
    assert (rows["position"][1:].astype(np.int64) >= ends[:-1]).all()
    faults = walker.faults
    assert ((faults["offset"] >= 0) & (faults["offset"] <= len(data))).all()
    assert ((faults["length"] >= 0) & (faults["length"] <= len(data))).all()
    return rows, faults


def test_every_prefix_of_small_captures():
    for data in seeds(200, 400):
        for cut in range(len(data)):
            survives(data[:cut])


BOUNDARY = (0, 1, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1)


@pytest.mark.parametrize("order", ["<", ">"])
def test_every_header_field_at_boundary_values(order):
    for data in seeds(50, 500):
        for at in range(0, min(len(data) - 4, 160), 2):
            own = struct.unpack_from(order + "I", data, at)[0]
            for value in (*BOUNDARY, own - 1, own + 1):
                changed = bytearray(data)
                struct.pack_into(order + "I", changed, at, value & 0xFFFFFFFF)
                survives(bytes(changed))


def test_random_damage():
    rng = np.random.default_rng(5)
    for data in seeds(20, 20000):
        for share in (0.0005, 0.02):
            for _ in range(5):
                changed = np.frombuffer(data, np.uint8).copy()
                hits = rng.random(len(changed)) < share
                changed[hits] = rng.integers(0, 256, hits.sum())
                survives(changed.tobytes())


class Pieces(Source):
    """Shows a stream grown by 1, 3, 17 or 200 bytes each time it is asked."""

    def __init__(self, data, rng):
        self.data, self.rng, self.end = data, rng, 0

    def window(self, position, need):
        grown = max(self.end + self.rng.choice((1, 3, 17, 200)), position + 1)
        self.end = min(grown, len(self.data))
        return self.data[position : self.end], position, self.end == len(self.data)

    def mapping(self):
        return self.data, 0


def mangled(data, seeds, rng):
    """A few changes of the kinds that disks, tools and attackers make."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 8))):
        at = rng.randrange(len(out)) if out else 0
        kind = rng.randrange(7)
        if kind == 0:
            out[at : at + 1] = bytes([rng.randrange(256)])
        elif kind == 1:
            word = rng.choice((*BOUNDARY, 4, 8, 12, 16, 28, 262144, 262145, 2**24))
            out[at : at + 4] = word.to_bytes(4, rng.choice(("little", "big")))
        elif kind == 2:
            del out[at : at + rng.choice((1, 2, 4, 16, 60))]
        elif kind == 3:
            out[at:at] = rng.choice(seeds)[: rng.choice((4, 16, 24, 28, 100, 400))]
        elif kind == 4:
            out[at:at] = bytes(rng.choice((1, 4, 16, 600)))
        elif kind == 5:
            out += rng.choice(seeds)[:2000]
        else:
            out = out[:at]
    return bytes(out)


def test_damaged_captures_give_the_same_rows_and_faults_in_pieces():
    rng = random.Random(20)
    originals = seeds(60, 3000)
    for _ in range(3000):
        data = mangled(rng.choice(originals), originals, rng)
        rows, faults = survives(data)
        walker = RecordReader(Pieces(data, rng))
        assert np.array_equal(walker.rows(), rows)
        same = walker.faults
        # of what is no capture, a stream is not read to its end
        refused = faults["code"] == FaultCode.UNKNOWN_STRUCTURE
        assert len(same) == len(faults)
        assert np.array_equal(same[~refused], faults[~refused])


def test_most_records_survive_sparse_damage():
    frames = build.frames(2000, size=500)
    for good in (build.pcap(frames), build.pcapng(frames)):
        rng = np.random.default_rng(9)
        kept = walk_rows(good)
        changed = np.frombuffer(good, np.uint8).copy()
        places = rng.integers(100, len(changed), 100)
        changed[places] ^= 0x55
        rows, _ = survives(changed.tobytes())
        same = np.isin(rows["position"], kept["position"]).sum()
        assert same >= len(kept) - 2 * len(places)
        wrong = len(rows) - same
        assert wrong <= 3


def walk_rows(data):
    return RecordReader(MemorySource(data)).rows()


def test_random_bytes_behind_a_good_header_are_survived():
    noise = random.Random(1).randbytes(3 << 20)
    for head in (build.pcap_header(), build.section() + build.interface()):
        survives(head + noise)


GUARD = """
import ctypes, mmap, sys
from mmscodec.capture._record_reader import RecordReader
from mmscodec.capture.mapped import MemorySource
from tests.capture import build

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
page = mmap.PAGESIZE
start = libc.mmap(None, 2 * page, 3, 0x22, -1, 0)
assert libc.mprotect(start + page, page, 0) == 0
for data in build.files(build.frames(3, size=30)).values():
    for cut in range(len(data) + 1):
        for tail in (b"", b"\\0" * 40, b"\\xff" * 40):
            some = data[:cut] + tail
            place = start + page - len(some)
            ctypes.memmove(place, some, len(some))
            RecordReader(MemorySource((ctypes.c_uint8 * len(some)).from_address(place))).rows()
print("good")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the numbers of mmap are those of Linux")
def test_no_byte_behind_the_buffer_is_read():
    # the page behind the capture cannot be read: one byte too far ends the process
    root = Path(__file__).parents[2]
    paths = os.pathsep.join([str(root), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", GUARD],
        cwd=root,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "good\n", done.stderr
