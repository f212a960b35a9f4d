"""Memory of tables that are gone waits for the next ones, up to a limit."""

import numpy as np
import pytest

import mmscodec
from mmscodec import mms

LIMIT = 128 << 20
KEEPS = mmscodec.keep_memory(LIMIT) != 0
linux = pytest.mark.skipif(not KEEPS, reason="memory is kept on Linux alone, unless sanitized")


@pytest.fixture
def stream():
    """Rows of 12 MB."""
    return mms.encode("LinkMacToViewerPing") * 300_000


def anonymous():
    """Bytes of memory of this process that are no file's."""
    with open("/proc/self/status") as file:
        line = next(line for line in file if line.startswith("RssAnon"))
    return int(line.split()[1]) << 10


def test_the_limit_is_128_mebibytes_until_it_is_set():
    before = mmscodec.keep_memory(1 << 20)
    try:
        assert before == (LIMIT if KEEPS else 0)
        assert mmscodec.keep_memory(2 << 20) == (1 << 20 if KEEPS else 0)
    finally:
        mmscodec.keep_memory(LIMIT)


@linux
def test_memory_is_kept_for_the_next_tables_and_given_back(stream):
    mmscodec.keep_memory(0)
    mmscodec.keep_memory(LIMIT)
    empty = anonymous()
    mms.decode(stream)
    kept = anonymous() - empty
    assert kept > 8 << 20
    for _ in range(5):
        mms.decode(stream)
    assert anonymous() - empty < kept + (4 << 20)
    mmscodec.keep_memory(0)
    assert anonymous() - empty < kept // 4
    mmscodec.keep_memory(LIMIT)


@linux
def test_rows_are_right_in_memory_that_was_used_before(stream):
    first = mms.decode(stream)
    copy = first.packets.copy()
    del first
    other = mms.decode(stream[: len(stream) // 2])
    again = mms.decode(stream)
    np.testing.assert_array_equal(again.packets, copy)
    np.testing.assert_array_equal(other.packets, copy[: len(copy) // 2])


@linux
def test_no_more_than_the_limit_is_kept(stream):
    mmscodec.keep_memory(0)
    empty = anonymous()
    mmscodec.keep_memory(8 << 20)
    batches = [mms.decode(stream) for _ in range(6)]
    assert anonymous() - empty > 60 << 20
    del batches
    assert anonymous() - empty < 16 << 20
    mmscodec.keep_memory(LIMIT)
