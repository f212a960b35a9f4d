"""MMS: decode, gather, encode and feed, each against plain C or memcpy in the same run."""

import struct
import threading

import numpy as np
import pytest

from benchmarks import corpus
from benchmarks.harness import MEGABYTES, Run, memcpy
from benchmarks.mms_loop import Loop
from mmscodec import mms
from mmscodec.schema import dtypes
from mmscodec.schema.mms import BY_NAME

STREAMS = {"control": corpus.control, "media": corpus.media, "mixed": corpus.mixed}
CHUNK = 1400


def same_rows(batch, rows):
    for mine, theirs in zip((batch.packets, batch.messages, batch.data), rows):
        assert mine.dtype == theirs.dtype
        assert len(mine) == len(theirs)
        for name in theirs.dtype.names:
            assert np.array_equal(mine[name], theirs[name]), name


@pytest.mark.parametrize("name", STREAMS)
def bench_decode(contest, name):
    stream = STREAMS[name](MEGABYTES)
    loop = Loop(stream.data, stream.packets, stream.messages, stream.media)
    assert loop() == stream.data.nbytes
    batch = mms.decode(stream.data)
    assert len(batch.faults) == 0
    assert batch.consumed == stream.data.nbytes
    same_rows(batch, loop.rows())
    size, rows = stream.data.nbytes, stream.rows
    contest(
        f"mms.decode, {stream.name}, {size / 1e6:.0f} MB, {rows / 1e6:.2f} M rows",
        [
            Run("mms.decode(out=)", lambda: mms.decode(stream.data, out=batch), size, rows),
            Run("mms.decode", lambda: mms.decode(stream.data), size, rows),
            loop.run(rows),
            memcpy(stream.data),
        ],
        roofs=["C loop", "memcpy"],
    )


def bench_decode_in_two_threads(contest):
    stream = corpus.control(MEGABYTES)
    half = mms.decode(stream.data).packets["offset"][stream.packets // 2]
    parts = [stream.data[:half], stream.data[half:]]
    batches = [mms.decode(part) for part in parts]
    assert sum(len(batch.messages) for batch in batches) == stream.messages

    def one():
        for part, batch in zip(parts, batches):
            mms.decode(part, out=batch)

    def two():
        threads = [
            threading.Thread(target=mms.decode, args=(part,), kwargs={"out": batch})
            for part, batch in zip(parts, batches)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    size, rows = stream.data.nbytes, stream.rows
    contest(
        "mms.decode(out=), control messages, two halves",
        [Run("two threads", two, size, rows), Run("one thread", one, size, rows)],
        roofs=["one thread"],
    )


def every_kind(count: int) -> np.ndarray:
    """`count` messages of each of the 28 kinds, mixed, as one stream."""
    pieces = []
    for number, name in enumerate(mms.MESSAGES):
        fields = {
            field.python_name: {"utf16": f"text {number}", "bytes": b"bytes"}.get(field.kind, [])
            for field in BY_NAME[name].variable
            if field.default is None and not field.optional
        }
        pieces.append(mms.encode(name, seq=number, **fields))
    order = np.random.default_rng(28).permutation(np.repeat(np.arange(len(pieces)), count))
    return np.frombuffer(b"".join([pieces[i] for i in order]), np.uint8)


def bench_gather_of_each_kind(contest):
    count = 8_000
    data = every_kind(count)
    batch = mms.decode(data)
    assert len(batch.faults) == 0
    loop = Loop(data, len(batch.packets), len(batch.messages), 0)
    assert loop() == data.nbytes
    runs = []
    for name in mms.MESSAGES:
        rows = batch[name]
        assert len(rows) == count
        out = np.zeros(count, rows.dtype)
        mid = BY_NAME[name].mid
        assert loop.gather(mid, out) == count
        assert out.tobytes() == rows.tobytes()
        short = name.removeprefix("Link").replace("ToMac", ">").replace("ToViewer", ">")
        c = Run(
            f"  C, {rows.itemsize} bytes a row",
            lambda mid=mid, out=out: loop.gather(mid, out),
            rows.nbytes,
            count,
        )
        runs += [Run(short, lambda name=name: batch[name], rows.nbytes, count, roof=c), c]
    contest(f"batch[name] of each kind, {count} of {len(batch.messages)} messages", runs)


def bench_encode_rows(contest):
    name, count = "LinkViewerToMacStartPlaying", 1_000_000
    rng = np.random.default_rng(7)
    rows = np.zeros(count, dtypes.ROWS[name])
    rows["open_file_id"] = 1
    rows["location_id"] = rng.integers(0, 1 << 31, count)
    rows["play_incarnation"] = np.arange(count) % 254 + 1
    stream = mms.encode(name, rows)
    assert np.array_equal(mms.decode(stream)[name]["location_id"], rows["location_id"])
    out = bytearray(len(stream))
    head = struct.Struct("<4sIIIIHHQ")
    few = rows[:20_000]
    units = (len(stream) // count - 32) // 8
    body = struct.Struct(f"<II{units * 8 - 8}s")

    def struct_loop():
        parts = []
        for seq, row in enumerate(few):
            parts.append(
                head.pack(b"\1\0\0\0", 0xB00BFACE, units * 8 + 16, 0x20534D4D, units + 2, seq, 0, 0)
            )
            parts.append(body.pack(units, 0x00030007, row.tobytes()[8:]))
        return b"".join(parts)

    assert struct_loop() == bytes(stream[: len(stream) // count * len(few)])
    contest(
        f"mms.encode of {name} rows",
        [
            Run("mms.encode(out=)", lambda: mms.encode(name, rows, out=out), len(stream), count),
            Run("mms.encode", lambda: mms.encode(name, rows), len(stream), count),
            Run("struct loop", struct_loop, len(stream) // count * len(few), len(few)),
            memcpy(stream),
        ],
        roofs=["memcpy", "struct loop"],
    )


@pytest.mark.parametrize("name", STREAMS)
def bench_encode_stream(contest, name):
    stream = STREAMS[name](MEGABYTES)
    batch = mms.decode(stream.data)
    out = np.zeros(stream.data.nbytes, np.uint8)
    written = mms.encode(batch, out=out)
    assert len(written) == stream.data.nbytes
    assert np.array_equal(out, stream.data)
    size, rows = stream.data.nbytes, stream.rows
    contest(
        f"mms.encode of a decoded batch, {stream.name}",
        [
            Run("mms.encode(batch, out=)", lambda: mms.encode(batch, out=out), size, rows),
            memcpy(stream.data),
        ],
        roofs=["memcpy"],
    )


@pytest.mark.parametrize("name", STREAMS)
def bench_feed(contest, name):
    stream = STREAMS[name](MEGABYTES)
    data = stream.part(16 << 20)
    chunks = [data[at : at + CHUNK] for at in range(0, len(data), CHUNK)]
    whole = mms.decode(data)

    def feed():
        decoder = mms.Decoder()
        return [len(decoder.feed(chunk).messages) for chunk in chunks]

    batch = mms.Batch()

    def feed_again():
        decoder = mms.Decoder()
        for chunk in chunks:
            decoder.feed(chunk, out=batch)

    def feed_only():
        decoder = mms.Decoder()
        for chunk in chunks:
            decoder.feed(chunk)

    assert sum(feed()) == len(whole.messages)
    size = len(data)
    contest(
        f"Decoder.feed of 1,400-byte chunks, {stream.name}; a row is a chunk",
        [
            Run("feed(chunk, out=)", feed_again, size, len(chunks)),
            Run("feed(chunk)", feed_only, size, len(chunks)),
            Run("feed(chunk).messages", feed, size, len(chunks)),
            memcpy(np.frombuffer(data, np.uint8)),
        ],
        roofs=["memcpy"],
    )


def bench_feed_of_many_connections(contest):
    count = 100
    stream = corpus.mixed(MEGABYTES)
    data = stream.part(256 << 10)
    chunks = [data[at : at + CHUNK] for at in range(0, len(data), CHUNK)]
    whole = mms.decode(data)

    def together():
        decoders = mms.Decoders()
        connections = [decoders.open() for _ in range(count)]
        messages = 0
        for chunk in chunks:
            messages += len(decoders.feed(connections, [chunk] * count).messages)
        return messages

    def one_by_one():
        decoders = [mms.Decoder() for _ in range(count)]
        messages = 0
        for chunk in chunks:
            for decoder in decoders:
                messages += len(decoder.feed(chunk).messages)
        return messages

    assert together() == one_by_one() == len(whole.messages) * count
    size, rows = len(data) * count, len(chunks) * count
    contest(
        f"{count} connections, 1,400-byte chunks, mixed; a row is a chunk",
        [
            Run("Decoders.feed of all", together, size, rows),
            Run("Decoder.feed of each", one_by_one, size, rows),
        ],
        roofs=["Decoder.feed of each"],
        rounds=5,
    )
