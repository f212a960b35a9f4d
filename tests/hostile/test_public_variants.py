"""Public captures cut, overwritten and noisy, through the whole of `mmscodec.open`.

With `MMSCODEC_CAPTURES=all` every prefix of the 200 smallest captures, every header field of 50 at
its boundary values, and 100 noisy copies of each of 50: above 30,000 variants. Otherwise a tenth.
"""

import os
import random
import struct
from functools import cache

import pytest

import mmscodec
from mmscodec.errors import CaptureError
from tests.capture.shared import needs_captures, oracle
from tests.capture.test_public_records import read
from tests.hostile.walk import walk

pytestmark = needs_captures
ALL = os.environ.get("MMSCODEC_CAPTURES") == "all"
THIN = 1 if ALL else 10
LIMITS = {"max_flows": 100, "max_held": 1 << 20, "max_held_flow": 1 << 18, "max_pending": 500}
EDGES = (0, 1, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1)


@cache
def smallest(count):
    entries = sorted(oracle().values(), key=lambda entry: (entry["size"], entry["file"]))
    return [entry["file"] for entry in entries if "tcp" in entry["tags"]][:count]


def opened(raw):
    try:
        with mmscodec.open(raw, protocols=None, **LIMITS) as capture:
            return walk(capture, deep=False)
    except CaptureError:  # not a capture any more, or one of a kind that is refused by name
        return None


@pytest.mark.parametrize("name", smallest(200))
def test_every_prefix_of_a_small_capture(name):
    raw = read(name)
    step = max(THIN, len(raw) // 200)
    for size in range(0, len(raw), step):
        opened(raw[:size])


@pytest.mark.parametrize("name", smallest(50))
def test_every_header_field_at_its_boundary_values(name):
    raw = read(name)
    for at in range(0, min(len(raw) - 4, 160), 2):
        old = struct.unpack_from("<I", raw, at)[0]
        for edge in (*EDGES, old + 1, old - 1)[at // 2 % THIN :: THIN]:
            changed = bytearray(raw)
            struct.pack_into("<I", changed, at, edge % 2**32)
            opened(bytes(changed))


@pytest.mark.parametrize("name", smallest(50))
def test_noise_of_two_bytes_in_a_hundred(name):
    raw = read(name)
    for seed in range(100 // THIN):
        rng = random.Random(seed)
        noisy = bytearray(raw)
        for _ in range(max(1, (len(raw) - 24) // 50)):
            noisy[rng.randrange(24, len(raw))] = rng.randrange(256)
        opened(bytes(noisy))
