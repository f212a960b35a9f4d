"""Findings of many rows: their order, and what making them costs."""

import tracemalloc

import numpy as np
import pytest

from mmscodec import mms
from mmscodec.mms._gather import order_of


@pytest.mark.parametrize("seed", range(8))
def test_the_order_is_that_of_a_stable_sort(seed):
    rng = np.random.default_rng(seed)
    count = int(rng.integers(0, 5000))
    keys = [
        rng.integers(0, 2 ** int(bits), count, dtype=np.uint64)
        for bits in rng.choice([0, 1, 8, 11, 12, 33, 63], 3)
    ]
    keys[1] = keys[1].astype(np.uint16)
    assert order_of(keys).tolist() == np.lexsort(keys[::-1]).tolist()


def test_keys_of_other_lengths_are_refused():
    with pytest.raises(ValueError, match="differ in length"):
        order_of([np.zeros(3), np.zeros(4)])


def test_findings_take_memory_in_proportion_to_their_number():
    # SECURITY.md: 40 bytes each, and some 100 while they are made
    pings = bytearray(mms.encode("LinkMacToViewerPing") * 50_000)
    broken = np.frombuffer(pings, np.uint8).reshape(50_000, 48)
    broken[:, 4:8] = np.frombuffer(b"\xce\xfa\x0b\xb0", np.uint8)
    broken[:, 20] = 77  # seq
    broken[:, 22] = 5  # MBZ
    broken[:, 16] = 9  # chunkCount
    batch = mms.decode(pings)
    assert len(batch.messages) == 50_000
    tracemalloc.start()
    try:
        found = batch.findings
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(found) > 140_000
    assert found.itemsize == 40
    heads = 32 + 16  # bytes of each packet's header and message, which are gathered
    assert peak < 110 * len(found) + heads * 50_000 + 4_000_000
