"""What damage in compressed data costs depends on the data alone, not on how it is read."""

import bz2
import gzip
import io
import lzma
import os
import random
import threading

import numpy as np
import pytest

import mmscodec
from mmscodec import mms
from mmscodec.capture.compression import _PAUSE, Decompressed
from mmscodec.capture.readers import Reader
from mmscodec.capture.record_table import records
from tests.capture import build, frames

TABLES = ("flows", "packets", "messages", "data", "gaps", "faults")


def lz4(data: bytes) -> bytes:
    return pytest.importorskip("lz4.frame").compress(data, content_checksum=True)


def zstd(data: bytes) -> bytes:
    library = pytest.importorskip("backports.zstd")
    return library.compress(data, options={library.CompressionParameter.checksum_flag: 1})


PACKERS = {
    "gzip": gzip.compress,
    "zstd": zstd,
    "lz4": lz4,
    "xz": lzma.compress,
    "bz2": bz2.compress,
}


def capture(rng: random.Random) -> bytes:
    """A connection with media that does not compress well: some 60 KiB."""
    seq, items = 1000, []
    for i in range(150):
        media = rng.randbytes(rng.randrange(400)) + bytes(rng.randrange(400))
        payload = mms.encode("Data", location_id=i, play_incarnation=4, payload=media)
        segment = frames.tcp(payload, seq=seq, src_port=1755, dst_port=4000)
        items.append((i * 1000, frames.ethernet(frames.ipv4(segment))))
        seq += len(payload)
    return build.pcap(items)


def damaged(rng: random.Random, pack) -> bytes:
    """Some members, one byte of them changed, bytes left out, or all cut."""
    file = capture(rng)
    cut = rng.randrange(len(file))
    parts = [file] if rng.random() < 0.5 else [file[:cut], file[cut:]]
    packed = bytearray(b"".join(pack(part) for part in parts))
    at = rng.randrange(20, len(packed))
    how = rng.randrange(4)
    if how == 0:
        packed[at] ^= 1 << rng.randrange(8)
    elif how == 1:
        del packed[at : at + rng.randrange(1, 3000)]
    elif how == 2:
        packed[at:at] = rng.randbytes(rng.randrange(1, 100))
    else:
        del packed[at:]
    return bytes(packed)


class Chunks(io.RawIOBase):
    """A file object that gives so many bytes at a time at most."""

    def __init__(self, data: bytes, size: int, rng: random.Random | None = None) -> None:
        self.data, self.size, self.rng = memoryview(data), size, rng

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        most = self.size if self.rng is None else self.rng.randrange(1, self.size + 1)
        size = most if size < 0 else min(most, size)
        out, self.data = bytes(self.data[:size]), self.data[size:]
        return out


def piped(data: bytes, size: int, work):
    """What `work` makes of a pipe into which the data is written in pieces."""
    reading, writing = os.pipe()

    def write() -> None:
        with open(writing, "wb", buffering=0) as target:
            try:
                for at in range(0, len(data), size):
                    target.write(data[at : at + size])
            except BrokenPipeError:
                pass

    thread = threading.Thread(target=write)
    thread.start()
    try:
        with open(reading, "rb", buffering=0) as source:
            return work(source)
    finally:
        thread.join()


def rows(source, **options) -> dict[str, list]:
    with mmscodec.open(source, **options) as cap:
        return {name: np.asarray(getattr(cap, name)).tolist() for name in TABLES}


def rows_of_batches(source) -> dict[str, list]:
    found: dict[str, list] = {name: [] for name in TABLES[1:]}
    with mmscodec.open(source) as cap:
        for batch in cap.iter_batches(rows=7):
            for name in found:
                found[name] += np.asarray(getattr(batch, name)).tolist()
    return found


@pytest.mark.parametrize("kind", PACKERS)
@pytest.mark.parametrize("seed", range(6))
def test_output_and_faults_do_not_depend_on_the_chunks(kind, seed):
    rng = random.Random(seed)
    packed = damaged(rng, PACKERS[kind])

    def everything(raw) -> tuple[bytes, list]:
        one = Decompressed(raw, kind)
        out = b"".join(iter(lambda: one.read(1 << 20), b""))
        return out, one.take_faults()

    whole = everything(io.BytesIO(packed))
    assert len(whole[1]) == 1
    for size in (1, 2, 7, 100, 511, 512, 513, 4096, 10_000, 1 << 16):
        assert everything(Reader(Chunks(packed, size))) == whole, size
        assert everything(Reader(Chunks(packed, size, rng))) == whole, size


@pytest.mark.parametrize("kind", PACKERS)
@pytest.mark.parametrize("seed", range(4))
def test_rows_of_a_damaged_capture_do_not_depend_on_how_it_is_read(kind, seed, tmp_path):
    rng = random.Random(100 + seed)
    packed = damaged(rng, PACKERS[kind])
    path = tmp_path / "capture"
    path.write_bytes(packed)
    whole = rows(path)
    assert whole["faults"]
    ways = [
        rows(packed),
        rows(path, mapped=False),
        rows(packed, threads=2),
        rows(io.BytesIO(packed)),
    ]
    for spool in (True, False):
        ways += [rows(Chunks(packed, size), spool=spool) for size in (1, 100, 4096, 1 << 16)]
        ways += [
            piped(packed, size, lambda raw, s=spool: rows(raw, spool=s)) for size in (50, 9999)
        ]
    assert all(way == whole for way in ways)
    some = rows_of_batches(path)
    for name, found in some.items():
        assert sorted(map(repr, found)) == sorted(map(repr, whole[name])), name
    assert some == rows_of_batches(Chunks(packed, 3)) == piped(packed, 77, rows_of_batches)
    walked = np.asarray(records(path)).tolist()
    assert walked == np.asarray(records(Chunks(packed, 13))).tolist()


def test_a_pipe_that_pauses_is_seen():
    reading, writing = os.pipe()
    file = capture(random.Random(1))
    packer = gzip.compress(file[:5000])
    assert _PAUSE < 1
    os.write(writing, packer[:-8])  # all but the end of the member, not a whole step
    with open(reading, "rb", buffering=0) as source:
        one = Decompressed(Reader(source), "gzip")
        found = b""
        while len(found) < 4000:
            found += one.read(1 << 16)
        os.close(writing)
        while more := one.read(1 << 16):
            found += more
        assert file.startswith(found)
        assert len(one.take_faults()) == 1
