"""UTF-8 made in compiled code, beside what Python makes of the same bytes."""

import random

import numpy as np
import pytest

from mmscodec.mms.columns import text_of
from mmscodec.schema.fields import ansi_decode
from mmscodec.tables import _arrow
from mmscodec.tables.data import (
    BYTES,
    LATIN1,
    MASKED,
    PAGE,
    UCS4,
    UTF16,
    WESTERN,
    Spans,
    strings,
    utf8,
    view_array,
)


def parts_of(pieces):
    lengths = np.array([len(piece) for piece in pieces], np.int64)
    return Spans([b"".join(pieces)], None, np.cumsum(lengths) - lengths, lengths)


def texts(pieces, how, nul="", page=None):
    _, _, (_, offsets, data), _, _ = strings(parts_of(pieces), how, nul, page)
    raw = bytes(data)
    return [raw[a:b].decode() for a, b in zip(offsets.tolist(), offsets[1:].tolist())]


def valid(text):
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def hostile(seed, count=3000):
    """UTF-16 with NULs, halves of pairs, pairs, HOST and VIA strings, odd bytes."""
    chance = random.Random(seed)
    units = [0, 0, 0x41, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xD800, 0xDBFF, 0xDC00, 0xDFFF, 0xE000,
             0xFFFD, 0xFFFE, 0xFFFF, 0x202E]  # fmt: skip
    words = ["HOST: a", "VIA: b", "HOST:", "VIA: ", "HOST: ", "Host: x", "\0", "\0\0", "\U0001f600"]
    for _ in range(count):
        out = b""
        for _ in range(chance.randrange(9)):
            if chance.random() < 0.4:
                out += chance.choice(words).encode("utf-16-le")
            else:
                out += chance.choice(units).to_bytes(2, "little")
        yield out + b"x" * (chance.random() < 0.1)


@pytest.mark.parametrize("nul", ["", "counted", "first", "strings"])
def test_utf16_is_what_python_makes_of_it(nul):
    pieces = list(hostile(nul))
    wanted = [valid(text_of(piece[: len(piece) & ~1], nul)) for piece in pieces]
    assert texts(pieces, UTF16, nul) == wanted


def test_every_unit_of_utf16_alone_and_in_pairs():
    units = [n.to_bytes(2, "little") for n in range(0x10000)]
    wanted = [valid(raw.decode("utf-16-le", "surrogatepass").rstrip("\0")) for raw in units]
    assert texts(units, UTF16) == wanted
    edges = [b"\x00\xd8", b"\xff\xdb", b"\x00\xdc", b"\xff\xdf", b"A\0", b"\0\0"]
    triples = [a + b + c for a in edges for b in edges for c in edges]
    wanted = [valid(raw.decode("utf-16-le", "surrogatepass")) for raw in triples]
    assert texts(triples, UTF16, "kept") == wanted


def test_eight_bit_text():
    pieces = [bytes([n]) for n in range(256)] + [bytes(range(256)), b"", b"a\0b", b"\0"]
    assert texts(pieces, PAGE, "kept", LATIN1) == [piece.decode("latin-1") for piece in pieces]
    wanted = [ansi_decode(piece.split(b"\0")[0]) for piece in pieces]
    assert texts(pieces, PAGE, "first", WESTERN) == wanted


def test_numpy_text():
    rows = np.array(["", "a", "\u20ac", "\U0010ffff", "10.0.0.1", "x" * 39], "U39")
    pieces = [row.tobytes() for row in rows]
    assert texts(pieces, UCS4) == rows.tolist()
    assert texts([np.array([0x110000, 0xD800, 0xFFFFFFFF], "=u4").tobytes()], UCS4) == [
        "\ufffd" * 3
    ]


def test_python_text():
    given = ["", "a", None, "\ud800", "a\udfffb", "\U0001f600"]
    _, nulls, (_, offsets, data), _, _ = utf8(given)
    assert nulls == 1
    wanted = ["", "a", "", "\ufffd", "a\ufffdb", "\U0001f600"]
    got = [data[a:b].decode() for a, b in zip(offsets.tolist(), offsets[1:].tolist())]
    assert got == wanted


def test_bytes_and_masks():
    pieces = [b"", b"abc", bytes(300)]
    for how, wanted in ((BYTES, pieces), (MASKED, [b"*" * len(piece) for piece in pieces])):
        _, _, (_, offsets, data), _, _ = strings(parts_of(pieces), how)
        raw = bytes(data)
        assert [raw[a:b] for a, b in zip(offsets.tolist(), offsets[1:].tolist())] == wanted


@pytest.mark.parametrize(
    ("start", "length"),
    [(-1, 1), (0, 11), (11, 1), (10, 1), (5, 1 << 40), (1 << 62, 1 << 62), (0, -1)],
)
def test_a_part_that_is_not_there_is_no_crash(start, length):
    parts = Spans([bytes(10)], None, np.array([start]), np.array([length]))
    for make in (_arrow.spans, _arrow.views):
        more = (BYTES, 0, None, 100) if make is _arrow.spans else ()
        with pytest.raises(IndexError):
            make(list(parts.buffers), None, parts.starts, parts.lengths, *more)
    which = np.array([-1, 0, 1], np.int32)
    with pytest.raises(IndexError):
        _arrow.views([bytes(10)], which, np.zeros(3, np.int64), np.ones(3, np.int64))


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="length"):
        _arrow.views([b"abc"], None, np.zeros(2, np.int64), np.zeros(3, np.int64))
    with pytest.raises(ValueError, match="256"):
        _arrow.spans([b"abc"], None, np.zeros(1, np.int64), np.ones(1, np.int64), PAGE, 0, b"x", 9)


def test_views_of_every_length_around_twelve():
    pieces = [bytes(range(n)) for n in range(30)]
    parts = parts_of(pieces)
    length, _, (_, views, buffer, sizes), _, _ = view_array(parts)
    assert length == 30
    assert sizes.tolist() == [len(buffer)]
    for row, piece in zip(views.reshape(-1, 16), pieces):
        raw = row.tobytes()
        size = int.from_bytes(raw[:4], "little")
        assert size == len(piece)
        if size <= 12:
            assert raw[4:] == piece.ljust(12, b"\0")
        else:
            assert raw[4:8] == piece[:4]
            at = int.from_bytes(raw[12:], "little")
            assert buffer[at : at + size] == piece


def test_places_of_values():
    keys = np.array([-5, 0, 7, 1 << 40], np.int64)
    values = np.array([7, 7, 8, -5, -6, 0, 1 << 40, 1 << 41], np.int64)
    assert _arrow.places(values, keys).tolist() == [2, 2, -1, 0, -1, 1, 3, -1]
    assert _arrow.places(values, keys[:0]).tolist() == [-1] * 8
    assert _arrow.places(values[:0], keys).tolist() == []
