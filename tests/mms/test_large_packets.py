"""Packets above what an empty tail buffer keeps of memory: their bytes are those of the stream."""

import random

import pytest

from mmscodec import mms
from tests.mms import streams

SIZES = (4_000, 65_000, 65_519, 65_527)  # payloads of Data packets
NAMES = (3_000, 33_000, 130_000)  # characters of file names, two bytes each
PIECES = (1_400, 16_384, 65_536, 100_000)
seeds = pytest.mark.parametrize("seed", range(12))


def pieces_of(rng: random.Random, stream: bytes, **options) -> list:
    """Batches of a stream that is cut at equal distances and at three places more."""
    equal = range(rng.choice(PIECES), len(stream), rng.choice(PIECES))
    return streams.fed(stream, [*equal, *rng.choices(range(len(stream)), k=3)], **options)


def encoded(batches) -> bytes:
    return b"".join(bytes(mms.encode(batch)) for batch in batches)


@seeds
@pytest.mark.parametrize("live", [False, True])
def test_large_payloads_are_those_of_the_stream(seed, live):
    rng = random.Random(seed)
    wanted = [rng.randbytes(size) for size in rng.choices(SIZES, k=6)]
    stream = b"".join(streams.data(i, 9, i, payload) for i, payload in enumerate(wanted))
    batches = pieces_of(rng, stream, live=live)
    got = [bytes(batch.payload(i)) for batch in batches for i in range(len(batch.data))]
    assert got == wanted
    assert encoded(batches) == stream


@seeds
@pytest.mark.parametrize("live", [False, True])
def test_long_texts_are_those_of_the_stream(seed, live):
    rng = random.Random(seed)
    wanted = ["".join(rng.choices("abcdefgh", k=length)) for length in rng.choices(NAMES, k=5)]
    opened = [mms.encode("LinkViewerToMacOpenFile", file_name=name) for name in wanted]
    batches = pieces_of(rng, b"".join(opened), live=live)
    columns = [batch.column("LinkViewerToMacOpenFile", "file_name") for batch in batches]
    assert [name for column in columns for name in column.tolist()] == wanted
    assert encoded(batches) == b"".join(opened)
