"""Which streams are open: numbers, the ceiling, what is least recently used, time, memory."""

import random
import subprocess
import sys

import numpy as np
import pytest

from mmscodec import mms, winmx
from mmscodec._kernels.core.allocator import allocations
from mmscodec.schema.faults import FaultCode
from tests.embedding import many

BOTH = pytest.mark.parametrize("name", many.MODULES)


def made(name, **options):
    module, whole = many.MODULES[name]
    return module.Decoders(**options), whole


def coded(batch, code):
    return batch.faults[batch.faults["code"] == code]


@BOTH
def test_the_least_recently_used_stream_is_evicted(name):
    decoders, whole = made(name, max_streams=3)
    numbers = [decoders.open() for _ in range(3)]
    decoders.feed(numbers[:1], [whole + whole[:5]], [9])
    new = decoders.open()
    assert [n in decoders for n in (*numbers, new)] == [True, False, True, True]
    assert len(decoders) == 3
    batch = decoders.feed([new], [whole], [10])
    (row,) = coded(batch, FaultCode.FLOW_EVICTED)
    assert (row["flow"], row["offset"], row["need"]) == (numbers[1], 0, 3)
    decoders.feed([numbers[2]], [whole], [11])
    decoders.open()
    rows = decoders.feed([], []).faults
    assert rows["flow"].tolist() == [numbers[0]] * 2
    assert rows["code"].tolist() == [FaultCode.TRUNCATED, FaultCode.FLOW_EVICTED]
    assert rows["offset"].tolist() == [len(whole), len(whole) + 5]


@BOTH
def test_chunks_of_an_evicted_stream_are_dropped_and_said(name):
    decoders, whole = made(name, max_streams=1)
    old, new = decoders.open(), decoders.open()
    batch = decoders.feed([old, new, old], [whole, whole, whole[:5]], [1, 2, 3])
    assert batch.packets["flow"].tolist() == [new]
    dropped = batch.faults[batch.faults["offset"] == -1]
    assert dropped[["flow", "length", "time"]].tolist() == [(old, len(whole), 1), (old, 5, 3)]
    assert len(decoders.close(old).packets) == 0
    assert len(decoders) == 1


@BOTH
def test_a_number_that_was_closed_or_never_given_is_an_error_and_nothing_is_decoded(name):
    decoders, whole = made(name)
    closed, number = decoders.open(), decoders.open()
    decoders.close(closed)
    for wrong in (closed, 77, -1, 2**40):
        with pytest.raises(ValueError, match="no connection"):
            decoders.feed([number, wrong], [whole[:-1], whole])
        with pytest.raises(ValueError, match="no connection"):
            decoders.close(wrong)
        assert wrong not in decoders
    assert len(decoders.feed([number], [whole]).packets) == 1


@BOTH
def test_streams_time_out_oldest_first(name):
    decoders, whole = made(name)
    numbers = [decoders.open() for _ in range(4)]
    decoders.feed(numbers, [whole] * 4, [10, 20, 30, 40])
    decoders.feed([numbers[0]], [whole[:3]], [50])
    batch = decoders.expire(40)
    rows = coded(batch, FaultCode.FLOW_TIMED_OUT)
    assert rows["flow"].tolist() == numbers[1:3]
    assert rows[["need", "have"]].tolist() == [(40, 20), (40, 30)]
    assert [n in decoders for n in numbers] == [True, False, False, True]
    assert len(decoders.expire(1000).faults) == 3  # one was unfinished
    assert len(decoders) == 0


@BOTH
def test_numbers_are_not_given_again_soon(name):
    decoders, _ = made(name)
    seen = set()
    for _ in range(1000):
        number = decoders.open()
        assert number not in seen
        seen.add(number)
        decoders.close(number)


@BOTH
@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_use_is_that_of_a_model(name, seed):
    rng = random.Random(seed)
    decoders, whole = made(name, max_streams=20)
    order: list[int] = []  # oldest first
    lost: list[int] = []
    for step in range(600):
        act = rng.random()
        if act < 0.3 or not order:
            if len(order) == 20:
                lost.append(order.pop(0))
            order.append(decoders.open())
        elif act < 0.4:
            gone = order.pop(rng.randrange(len(order)))
            decoders.close(gone)
        else:
            used = [rng.choice(order) for _ in range(rng.randrange(1, 6))]
            batch = decoders.feed(used, [whole] * len(used), [step] * len(used))
            assert sorted(batch.packets["flow"].tolist()) == sorted(used)
            for number in used:
                order.remove(number)
                order.append(number)
        assert len(decoders) == len(order)
        assert all(number in decoders for number in order)
        assert not any(number in decoders for number in lost[-5:])


@BOTH
def test_arrays_of_numbers_and_any_buffer_are_taken(name):
    decoders, whole = made(name)
    numbers = np.array([decoders.open() for _ in range(3)])
    chunks = (bytearray(whole), memoryview(whole), np.frombuffer(whole, np.uint8))
    batch = decoders.feed(numbers, chunks, np.array([5, 6, 7], np.int32))
    assert batch.packets["time"].tolist() == [5, 6, 7]
    chunks[0].append(1)  # it is not held any more
    with pytest.raises(TypeError, match="integers"):
        decoders.feed(numbers * 1.0, chunks)
    with pytest.raises(ValueError, match="differ in length"):
        decoders.feed(numbers[:2], chunks)
    with pytest.raises(TypeError):
        decoders.feed(numbers, [b"", b"", "text"])


@BOTH
def test_memory_of_out_is_used_again_unless_an_array_shares_it(name):
    decoders, whole = made(name)
    number = decoders.open()
    out = decoders.feed([number], [whole * 100])
    held = out.packets
    again = decoders.feed([number], [whole * 50], out=out)
    assert again is out
    assert len(out.packets) == 50
    assert held["offset"].tolist() == [len(whole) * i for i in range(100)]
    with pytest.raises(ValueError, match="no connection"):
        decoders.feed([77], [whole], out=out)
    assert len(out.packets) == len(out.faults) == 0


@BOTH
def test_nothing_is_allocated_once_all_has_its_size(name):
    decoders, _ = made(name)
    numbers = np.array([decoders.open() for _ in range(300)])
    out = decoders.feed([], [])
    unit, count = (5 * 1448 + 48, 12) if name == "mms" else (len(many.LISTS), 60)
    stream = many.PINGED_MEDIA if name == "mms" else many.LISTS * count
    assert len(stream) == unit * count
    places = [i % count * unit for i in range(300)]
    counts = []
    for step in range(3 * len(stream) // 1400):
        before = allocations()
        sizes = [1300 + (step * 7 + i * 13) % 200 for i in range(300)]
        chunks = [(stream * 2)[at : at + size] for at, size in zip(places, sizes, strict=True)]
        places = [(at + size) % len(stream) for at, size in zip(places, sizes, strict=True)]
        decoders.feed(numbers, chunks, [step] * 300, out=out)
        counts.append(allocations() - before)
        assert len(out.packets) + len(getattr(out, "data", ()))
    assert sum(counts[len(counts) // 3 :]) == 0, counts


IDLE = """
import sys, resource
import numpy as np
from mmscodec import {name}
from tests.embedding.many import MODULES
module, whole = MODULES["{name}"]
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()
decoders = module.Decoders()
warm = decoders.open()
out = decoders.feed(np.array([warm] * 50000), [whole] * 50000)
decoders.feed(np.array([warm] * 50000), [whole] * 50000, out=out)
before = resident()
numbers = np.array([decoders.open() for _ in range(50000)])
for _ in range(3):
    decoders.feed(numbers, [whole] * 50000, out=out)
print((resident() - before) / 50000)
"""


@BOTH
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_an_idle_stream_takes_less_than_half_a_kilobyte(name):
    code = IDLE.format(name=name)
    made = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert float(made.stdout) < 512


def test_ceilings_have_bounds():
    for wrong in (0, -1, (1 << 24) + 1):
        with pytest.raises(ValueError, match="max_streams"):
            mms.Decoders(max_streams=wrong)
        with pytest.raises(ValueError, match="max_streams"):
            winmx.Decoders(max_streams=wrong)
    assert mms.Decoders(max_streams=9).max_streams == winmx.Decoders(max_streams=9).max_streams == 9


@BOTH
def test_a_closed_stream_gives_its_memory_to_the_next(name):
    decoders, whole = made(name)
    for _ in range(3000):
        number = decoders.open()
        decoders.feed([number], [whole + whole[:5]])
        assert decoders.buffered(number) == 5
        decoders.close(number)
    before = allocations()
    number = decoders.open()
    decoders.close(number)
    assert allocations() == before
