"""Which parts of a buffer hold the same bytes."""

import random

import numpy as np
import pytest

from mmscodec.mms._gather import distinct


def parts(rng: random.Random, different: int, count: int) -> list[bytes]:
    some = [rng.randbytes(rng.randrange(40)) for _ in range(different)]
    return rng.choices(some, k=count)


def found(values: list[bytes], base: int = 0) -> tuple[list[int], list[int]]:
    lengths = np.array([len(value) for value in values], np.int64)
    positions = base + np.cumsum(lengths) - lengths
    numbers, firsts = distinct(b"".join(values), base, positions, lengths)
    return numbers.tolist(), firsts.tolist()


@pytest.mark.parametrize("different", [0, 1, 7, 128, 129, 5000])
@pytest.mark.parametrize("base", [0, -(2**62), 2**62])
def test_numbers_are_those_of_a_dictionary(different, base):
    values = parts(random.Random(different), max(different, 1), 10_000 if different else 0)
    known: dict[bytes, int] = {}
    wanted = [known.setdefault(value, len(known)) for value in values]
    numbers, firsts = found(values, base)
    assert numbers == wanted
    assert [values[row] for row in firsts] == list(known)


def collisions(count: int) -> list[bytes]:
    """Values of 16 bytes with one hash: the second word undoes what the first did."""
    factor, mask = 0x9E3779B97F4A7C15, (1 << 64) - 1
    out = []
    for word in range(count):
        h = ((16 ^ word) * factor) & mask
        h ^= h >> 29
        out.append(word.to_bytes(8, "little") + (h ^ 0x1234).to_bytes(8, "little"))
    return out


def test_values_that_collide_are_told_apart_and_cost_no_more():
    values = collisions(3000)
    numbers, firsts = found(values * 2)
    assert [values[firsts[number] % 3000] for number in numbers] == values * 2
    assert len(firsts) > 3000  # the table gave up to look for them, after PROBES places
    assert found(values[:8] * 2)[0] == [*range(8)] * 2


@pytest.mark.parametrize(
    ("position", "length"),
    [(11, 0), (10, 1), (0, 11), (-1, 1), (0, -1), (5, 2**63 - 1), (-(2**63), 0), (2**63 - 1, 1)],
)
def test_parts_outside_are_refused(position, length):
    with pytest.raises(IndexError):
        distinct(bytes(10), 0, np.array([position]), np.array([length]))


def test_nothing_of_nothing():
    assert [part.tolist() for part in distinct(b"", 5, np.array([5, 5]), np.zeros(2, int))] == [
        [0, 0], [0]
    ]  # fmt: skip
    with pytest.raises(ValueError, match="length"):
        distinct(b"", 0, np.array([0]), np.zeros(2, int))
