"""Arrays in Arrow's layout, as tuples that `_arrow` exports.

A tuple is (length, count of nulls, buffers, children, dictionary); buffers are contiguous, and
whoever takes the array keeps them alive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from mmscodec.schema.fields import ansi_decode
from mmscodec.tables._arrow import places, spans, views

Data: TypeAlias = tuple[int, int, tuple[Any, ...], tuple[Any, ...], Any]

#: Arrow's letters for numbers of NumPy.
LETTERS = {
    "i1": "c", "u1": "C", "i2": "s", "u2": "S", "i4": "i", "u4": "I", "i8": "l", "u8": "L",
    "f4": "f", "f8": "g",
}  # fmt: skip

BYTES, MASKED, PAGE, UTF16, UCS4 = range(5)  # as in _kernels/text/spans.pxd
NULS = {"": 2, "counted": 2, "first": 1, "strings": 3, "kept": 0}
#: The most bytes of UTF-8 that a byte of an encoding gives.
GROWTH = {BYTES: 1, MASKED: 1, PAGE: 3, UTF16: 1.5, UCS4: 1}

LATIN1 = np.arange(256, dtype=np.uint16)
WESTERN = np.array([ord(letter) for letter in ansi_decode(bytes(range(256)))], np.uint16)


class TooLong(OverflowError):
    """More bytes than one array of 32-bit offsets holds; fewer rows at a time will do."""


class Type(NamedTuple):
    """A type of Arrow: its format, children by name, and the type of its dictionary."""

    format: str
    children: tuple[tuple[str, Type], ...] = ()
    dictionary: Type | None = None


TEXT = Type("u")
BINARY = Type("z")
VIEWS = Type("vz")
FLAG = Type("b")
TIME = Type("tsn:UTC")
DURATION = Type("tDn")
NAMES = Type("i", dictionary=TEXT)


def number_type(dtype: Any) -> Type:
    """The type of a number of NumPy, whatever its byte order."""
    return Type(LETTERS[np.dtype(dtype).str[1:]])


class Spans(NamedTuple):
    """Where a part of each row lies: which of the buffers (None = the first), offset, length."""

    buffers: Sequence[Any]
    which: np.ndarray | None
    starts: np.ndarray
    lengths: np.ndarray


def validity(absent: np.ndarray | None) -> tuple[int, Any]:
    """Count of nulls, and the bitmap of what is there or None."""
    count = 0 if absent is None else int(np.count_nonzero(absent))
    if not count:
        return 0, None
    return count, np.packbits(~np.asarray(absent, bool), bitorder="little")


def numbers(values: np.ndarray, absent: np.ndarray | None = None) -> Data:
    """Numbers of native byte order."""
    nulls, bits = validity(absent)
    return len(values), nulls, (bits, np.ascontiguousarray(values)), (), None


def flags(values: np.ndarray, absent: np.ndarray | None = None) -> Data:
    """Truth values, a bit each."""
    nulls, bits = validity(absent)
    packed = np.packbits(np.asarray(values, bool), bitorder="little")
    return len(values), nulls, (bits, packed), (), None


def strings(
    parts: Spans, how: int, nul: str = "", page: Any = None, absent: np.ndarray | None = None
) -> Data:
    """Bytes or UTF-8 text of parts of buffers."""
    nulls, bits = validity(absent)
    lengths = np.where(absent, 0, parts.lengths) if absent is not None else parts.lengths
    bound = int(int(lengths.sum()) * GROWTH[how]) + 4
    try:
        offsets, data = spans(
            list(parts.buffers), parts.which, parts.starts, lengths, how, NULS[nul], page, bound
        )
    except (OverflowError, MemoryError) as error:
        raise TooLong(str(error)) from error
    return len(lengths), nulls, (bits, offsets, data), (), None


def view_array(parts: Spans) -> Data:
    """Views into the buffers themselves, nothing copied but what is shorter than 13 bytes."""
    made = views(list(parts.buffers), parts.which, parts.starts, parts.lengths)
    sizes = np.array([memoryview(buffer).nbytes for buffer in parts.buffers], np.int64)
    return len(parts.starts), 0, (None, made, *parts.buffers, sizes), (), None


def utf8(texts: Iterable[str | None]) -> Data:
    """Python strings; None is null, half of a surrogate pair becomes U+FFFD."""
    encoded = [None if text is None else _encoded(text) for text in texts]
    nulls, bits = validity(np.array([item is None for item in encoded], bool))
    sizes = [0, *(len(item or b"") for item in encoded)]
    ends = np.cumsum(sizes, dtype=np.int64)
    if ends[-1] > 0x7FFFFFFF:
        raise TooLong("more than 2 GiB of text")
    data = b"".join(item for item in encoded if item)
    return len(encoded), nulls, (bits, ends.astype(np.int32), data), (), None


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def lists(counts: np.ndarray, items: Data) -> Data:
    """Lists of `counts` items each."""
    ends = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=ends[1:])
    if ends[-1] > 0x7FFFFFFF:
        raise TooLong("more list items than an offset of 32 bits counts")
    return len(counts), 0, (None, ends.astype(np.int32)), (items,), None


class Words:
    """Names of numbers, for columns of Arrow dictionaries.

    Parameters
    ----------
    known : mapping of int to str
        "" is no name: null.
    other : callable, optional
        The name of a number that is not among them; default: null.
    """

    def __init__(
        self, known: Mapping[int, str], other: Callable[[int], str | None] | None = None
    ) -> None:
        named = sorted((number, word) for number, word in known.items() if word)
        self.numbers = np.array([number for number, _ in named], np.int64)
        self.words = list(dict.fromkeys(word for _, word in named))  # each once: pandas insists
        place = {word: at for at, word in enumerate(self.words)}
        self.places = np.array([*(place[word] for _, word in named), -1], np.int32)
        self.other = other

    def data(self, values: np.ndarray, absent: np.ndarray | None = None) -> Data:
        """The dictionary-encoded names of an array of integers."""
        values = np.ascontiguousarray(values, np.int64)
        found = places(values, self.numbers)
        missing, words = found < 0, self.words
        found = self.places[found]  # the last for -1
        if self.other is not None and missing.any():
            more, back = np.unique(values[missing], return_inverse=True)
            named = [self.other(number) for number in more.tolist()]
            words = list(dict.fromkeys([*words, *(word for word in named if word)]))
            at = {word: number for number, word in enumerate(words)}
            found[missing] = np.array([at[w] if w else -1 for w in named], np.int32)[back]
        missing = found < 0 if absent is None else (found < 0) | absent
        nulls, bits = validity(missing)
        if nulls:
            found[missing] = 0
        return len(values), nulls, (bits, found), (), utf8(words)
