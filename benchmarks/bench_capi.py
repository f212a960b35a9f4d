"""The C interface in chunks, against the kernel behind it, the loop in C and `Decoder.feed`."""

import numpy as np
import pytest

from benchmarks import corpus
from benchmarks.harness import MEGABYTES, Run
from benchmarks.mms_loop import Loop
from mmscodec import mms
from mmscodec.schema.dtypes import DATA, FAULTS, MESSAGES, PACKETS
from tests.bindings.chunks import by_interface, by_kernel

STREAMS = {"control": corpus.control, "media": corpus.media, "mixed": corpus.mixed}
DTYPES = (PACKETS, MESSAGES, DATA, FAULTS)


def same(stream: np.ndarray, chunk: int) -> None:
    """All rows of the C interface are those of the kernel and of the loop."""
    mine, kernel = by_interface(stream, chunk, True), by_kernel(stream, chunk, True)
    for rows, others, dtype in zip(mine, kernel, DTYPES):
        columns, theirs = np.frombuffer(rows, dtype), np.frombuffer(others, dtype)
        assert all(np.array_equal(columns[name], theirs[name]) for name in dtype.names or ())


def same_as_loop(stream: np.ndarray, chunk: int, loop: Loop) -> None:
    """The rows of the loop, but for numbers of rows, which count in a chunk here."""
    for rows, others, dtype in zip(by_interface(stream, chunk, True), loop.rows(), DTYPES):
        columns = np.frombuffer(rows, dtype)
        assert len(columns) <= len(others)
        assert len(others) - len(columns) <= 2  # the last ones wait for more bytes
        for name in set(dtype.names or ()) - {"first_message", "packet"}:
            assert np.array_equal(columns[name], others[name][: len(columns)]), name


@pytest.mark.parametrize("chunk", [1400, 1 << 16])
@pytest.mark.parametrize("name", STREAMS)
def bench_interface(contest, name, chunk):
    stream = STREAMS[name](min(MEGABYTES, 64))
    loop = Loop(stream.data, stream.packets, stream.messages, stream.media)
    assert loop() == stream.data.nbytes
    same(stream.data, chunk)
    same_as_loop(stream.data, chunk, loop)
    size, rows, data = stream.data.nbytes, stream.rows, stream.data
    decoder, batch = mms.Decoder(), mms.Batch()
    chunks = [data[at : at + chunk].tobytes() for at in range(0, size, chunk)]

    def python():
        for piece in chunks:
            decoder.feed(piece, out=batch)

    contest(
        f"the C interface, {stream.name}, {size / 1e6:.0f} MB in chunks of {chunk:,}",
        [
            Run("C interface", lambda: by_interface(data, chunk), size, rows),
            Run("kernel mms_feed", lambda: by_kernel(data, chunk), size, rows),
            Run("Decoder.feed(out=)", python, size, rows),
            loop.run(rows),
        ],
        roofs=["kernel mms_feed", "C loop"],
    )
