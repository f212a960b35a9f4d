"""Hostile input: no crash, bounded memory, nothing invented."""

import ctypes
import mmap
import os
import random
import subprocess
import sys

import numpy as np
import pytest

from mmscodec import mms
from mmscodec.mms import MESSAGES
from tests.mms import streams
from tests.mms.streams import PING, data

MEGABYTE = 1 << 20
NEEDED = {
    "LinkViewerToMacConnect": {"subscriber_name": "NSPlayer/9.0"},
    "LinkViewerToMacConnectFunnel": {"funnel_name": r"\\192.0.2.1\TCP\1037"},
    "LinkViewerToMacOpenFile": {"file_name": "film.asf"},
    "LinkMacToViewerReportRedirect": {"wsz_location": "mms://example.org/film.asf"},
}


def hundred_megabytes(kind: str) -> np.ndarray:
    size = 100 * MEGABYTE
    if kind == "random":
        return np.random.default_rng(3).integers(0, 256, size, np.uint8)
    pattern = {
        "zeros": b"\0",
        "ones": b"\xff",
        "headers": PING[:32],
        "signatures": bytes.fromhex("cefa0b"),
        "session ids": bytes.fromhex("01000000cefa0bb0"),
        "packets": PING,
        "data headers": data(1, 4, 1, b"x")[:8],
        "smallest messages": bytes.fromhex("01000000"),
    }[kind]
    return np.frombuffer(pattern * (size // len(pattern)), np.uint8)


@pytest.mark.parametrize(
    "kind",
    ["random", "zeros", "ones", "headers", "signatures", "session ids", "packets", "data headers",
     "smallest messages"],
)  # fmt: skip
def test_a_hundred_megabytes_of(kind):
    buf = hundred_megabytes(kind)
    batch = mms.decode(buf)
    rows = len(batch.packets) + len(batch.data)
    covered = int(batch.faults["length"].sum()) + int(
        batch.packets["length"].sum(dtype="i8") + batch.data["length"].sum(dtype="i8")
    )
    assert covered == batch.consumed <= len(buf)
    if kind == "packets":
        assert rows == len(buf) // 48
    elif kind == "random":
        assert rows <= 2
    else:
        assert rows <= 1


def test_random_bytes_fed_in_pieces_stay_within_bounds():
    rng = random.Random(9)
    decoder = mms.Decoder()
    most = 0
    for _ in range(2000):
        decoder.feed(rng.randbytes(1400))
        most = max(most, decoder.buffered)
    assert most < 400_000


def test_a_claimed_length_never_allocates():
    head = bytearray(PING[:32])
    head[8:12] = (0xFFFFFFF0 - 16).to_bytes(4, "little")
    decoder = mms.Decoder(max_packet=0xFFFFFFFF)
    decoder.feed(bytes(head))
    assert decoder.buffered == 32


def test_any_bytes_end_with_rows_and_faults_that_tile_what_was_consumed():
    rng = random.Random(4)
    parts = [PING, data(0, 4, 0, streams.GUID + bytes(50)), data(1, 4, 1, bytes(9)), b"\0" * 5]
    for _ in range(3000):
        stream = b"".join(
            part if rng.random() < 0.8 else rng.randbytes(rng.randrange(30))
            for part in rng.choices(parts, k=rng.randrange(8))
        )
        buf = bytearray(stream)
        for _ in range(rng.randrange(4)):
            if buf:
                buf[rng.randrange(len(buf))] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, 0xCE])
        batch = mms.decode(buf)
        spans = sorted(
            [(offset, length) for offset, length, _ in streams.spans(batch)]
            + [
                (int(row["offset"]), int(row["length"]))
                for row in batch.faults
                if row["length"] and not _inside_a_packet(batch, int(row["offset"]))
            ]
        )
        end = 0
        for offset, length in spans:
            assert offset == end
            end = offset + length
        assert end == batch.consumed <= len(buf)


def _inside_a_packet(batch, offset):
    packets = batch.packets
    return bool(
        np.any((packets["offset"] < offset) & (offset < packets["offset"] + packets["length"]))
    )


def test_the_scan_reads_no_byte_past_the_end():
    # in a process of its own: one byte too far and it dies
    code = """
import ctypes, mmap, random
from mmscodec import mms
from tests.mms import streams
page = mmap.PAGESIZE
area = mmap.mmap(-1, 4 * page)
base = ctypes.addressof(ctypes.c_char.from_buffer(area))
libc = ctypes.CDLL(None, use_errno=True)
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
assert libc.mprotect(base + 3 * page, page, 0) == 0
rng = random.Random(2)
stream = b"".join(streams.server_stream(rng, 6, varying=True))[: 2 * page]
for size in [*range(0, 300), *range(300, len(stream), 7)]:
    start = 3 * page - size
    for piece in (stream[:size], stream[-size:] if size else b"", rng.randbytes(size)):
        area[start : start + size] = piece
        exact = (ctypes.c_char * size).from_address(base + start)
        batch = mms.decode(exact)
        for name in mms.MESSAGES:
            batch[name]
        dec = mms.Decoder()
        dec.feed(exact)
        dec.close()
print("alive")
"""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=300,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )  # fmt: skip
    assert run.stdout == "alive\n", run.stderr


SAMPLES = {
    "bytes": bytes,
    "bytearray": bytearray,
    "memoryview": memoryview,
    "memoryview of a slice": lambda b: memoryview(b"xx" + b + b"yy")[2:-2],
    "read-only array": lambda b: np.frombuffer(b, np.uint8),
    "array": lambda b: np.frombuffer(b, np.uint8).copy(),
    "array of words": lambda b: np.frombuffer(b, "<u4").copy(),
    "ctypes": lambda b: (ctypes.c_uint8 * len(b)).from_buffer_copy(b),
}


@pytest.mark.parametrize("kind", SAMPLES)
def test_any_buffer_is_decoded(kind):
    stream = PING + data(0, 4, 0, streams.GUID + bytes(20)) + PING
    batch = mms.decode(SAMPLES[kind](stream))
    assert len(batch.packets) == 2
    assert bytes(batch.payload(0)) == streams.GUID + bytes(20)
    assert len(batch["LinkMacToViewerPing"]) == 2


def test_a_mapped_file_is_decoded(tmp_path):
    path = tmp_path / "stream.bin"
    path.write_bytes(PING * 100)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        batch = mms.decode(mapped)
        assert len(batch["LinkMacToViewerPing"]) == 100
        del batch


def test_nothing_gives_nothing():
    batch = mms.decode(b"")
    assert (len(batch.packets), len(batch.data), len(batch.faults), batch.consumed) == (0, 0, 0, 0)
    assert len(batch["LinkMacToViewerPing"]) == 0
    assert mms.Decoder().feed(b"").consumed == 0


def test_wrong_arguments_are_type_and_value_errors():
    with pytest.raises(TypeError):
        mms.decode("text")
    with pytest.raises((BufferError, ValueError)):
        mms.decode(np.zeros((8, 8), np.uint8)[:, ::2])
    with pytest.raises(ValueError, match="transport"):
        mms.decode(b"", transport="sctp")
    with pytest.raises(ValueError, match="on_fault"):
        mms.decode(b"", on_fault="ignore")
    with pytest.raises(ValueError, match="max_packet"):
        mms.decode(b"", max_packet=8)
    with pytest.raises(KeyError, match="LinkNobody"):
        mms.decode(b"")["LinkNobody"]


@pytest.mark.parametrize("name", MESSAGES)
def test_no_stale_byte_in_any_row(name):
    # FFmpeg read bytes behind short packets: a shorter message must be filled up with zeros
    packet = mms.encode(name, **NEEDED.get(name, {}))
    batch = mms.decode(packet)
    first = batch[name].tobytes()
    wanted = (packet[32:] + bytes(4096))[: len(first)]
    length = int(batch.messages["length"][0])
    assert first == wanted[:length][: len(first)] + bytes(max(0, len(first) - length))
