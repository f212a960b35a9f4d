"""Bytes that a peer chose: programs of lines against Python's own `json` and `csv`."""

import csv
import io
import json
import random
from datetime import datetime, timedelta

import numpy as np
import pytest

from mmscodec.mms.columns import text_of
from mmscodec.tables import lines as op
from mmscodec.tables.data import WESTERN, Spans
from tests.oracle.text_events import NO_TIME
from tests.oracle.text_output import iso_time

NASTY = [
    b"", b"a", b"\0", b"a\0b\0", b'"\\/\b\f\n\r\t\x7f', bytes(range(256)), b"=1+1", b"\x1b[2J",
    "\ud83d\ude00".encode("utf-16-le", "surrogatepass"), b"\x00\xd8", b"\x00\xdcx\0",
    b"\x00\xd8a\0",
    "x\0HOST: y\0VIA: z\0".encode("utf-16-le"), "x\0".encode("utf-16-le"), b"\xff\xfe\xfd",
    "\u202e\u2028\u00ad\ufeff\u0085".encode("utf-16-le"),
]  # fmt: skip


NEW_LINE = op.literal("\n")


def some(seed, count=400):
    rng = random.Random(seed)
    alphabet = [0, 0, 0x22, 0x5C, 0x0A, 0x41, 0xD8, 0xDC, 0xDF, 0x80, 0xFF, 0x3D, 0x2C]
    return NASTY + [
        bytes(rng.choice(alphabet) for _ in range(rng.randrange(24))) for _ in range(count)
    ]


def parts(values):
    ends = np.cumsum([0, *map(len, values)])
    return Spans([b"".join(values)], None, ends[:-1], np.diff(ends))


def lines(program, count):
    made = b"".join(op.written([program], np.zeros(count, int), np.arange(count)))
    return made.decode().split("\n")[:-1]


def quoted(one):
    return [op.literal('"'), one, op.literal('"\n')]


@pytest.mark.parametrize("nul", ["counted", "first", "strings", "kept", ""])
def test_utf16_as_json_has_it(nul):
    values = some(1)
    made = lines(quoted(op.json_utf16(parts(values), nul)), len(values))
    for raw, line in zip(values, made, strict=True):
        raw = raw[: len(raw) & ~1]
        text = raw.decode("utf-16-le", "surrogatepass") if nul == "kept" else text_of(raw, nul)
        assert line == json.dumps(text.encode("utf-8", "backslashreplace").decode())


@pytest.mark.parametrize("page", [None, WESTERN])
def test_8_bit_text_as_json_has_it(page):
    values = some(2)
    table = [chr(c) for c in (WESTERN if page is not None else range(256))]
    made = lines(quoted(op.json_page(parts(values), "first", page)), len(values))
    expected = [json.dumps("".join(table[c] for c in raw.split(b"\0")[0])) for raw in values]
    assert made == expected


def test_utf8_as_json_has_it():
    texts = [raw.decode("utf-16-le", "replace") for raw in some(3)] + ["\U0010ffff\U00010000é中"]
    made = lines(quoted(op.json_utf8(parts([text.encode() for text in texts]))), len(texts))
    assert made == [json.dumps(text) for text in texts]


def test_a_cell_is_no_formula_and_no_order_to_a_terminal():
    texts = [raw.decode("utf-16-le", "replace") for raw in some(4)]
    texts += ["=cmd|' /C calc'!A0", "+1", "-1", "@x", "\t=1", "\r=1", 'ordinary, "text"', "中文"]
    program = [*op.cell([op.cell_utf8(parts([text.encode() for text in texts]))]), op.literal("\n")]
    made = b"".join(
        op.written([program], np.zeros(len(texts), int), np.arange(len(texts)))
    ).decode()
    rows = list(csv.reader(io.StringIO(made, newline="")))
    assert len(rows) == len(texts)
    for text, row in zip(texts, rows, strict=True):
        cell = row[0] if row else ""
        assert cell[:1] not in ("=", "+", "-", "@", "\t", "\r") or not cell
        orders = [
            c for c in cell if ord(c) < 32 or 127 <= ord(c) < 160 or c in "\u202e\u2028\ufeff"
        ]
        assert not orders
        plain = all(c.isprintable() for c in text) and text[:1] not in ("=", "+", "-", "@")
        assert not plain or cell == text


def test_numbers_and_times_are_those_of_python():
    rng = random.Random(5)
    values = [0, 1, -1, 2**63 - 1, -(2**63), 65535, 65536, NO_TIME + 1]
    values += [rng.randrange(-(2**63), 2**63) >> rng.randrange(64) for _ in range(500)]
    column = np.array(values, np.int64)
    assert lines([op.integer(column), op.literal("\n")], len(values)) == list(map(str, values))
    assert lines([op.time(column), op.literal("\n")], len(values)) == [iso_time(v) for v in values]
    large = column.view(np.uint64)
    shown = [str(v) if v < 65536 else f"0x{v:08X}" for v in large.tolist()]
    assert lines([op.large(large), op.literal("\n")], len(values)) == shown
    absent = np.zeros(len(values), bool)
    made = lines([op.seconds(column, absent, "", 12), op.literal("\n")], len(values))
    assert made == [f"{v / 1e9:>12.6f}" for v in values]


def test_items_of_items_some_of_which_are_missing():
    rows = [[[1, None], []], [], [[None], [2, 3, None]]]
    flat = [item for row in rows for item in row]
    numbers = [number for item in flat for number in item]
    ends = [np.cumsum([0, *map(len, parts)]) for parts in (rows, flat)]
    absent = np.array([number is None for number in numbers])
    number = op.integer(np.array([number or 0 for number in numbers]))
    inner = op.repeat(ends[1], op.either(absent, [number], [op.literal("null")]))
    outer = op.repeat(ends[0], [op.literal("["), *inner, op.literal("]")])
    made = lines([op.literal("["), *outer, op.literal("]\n")], len(rows))
    assert [json.loads(line) for line in made] == rows


def test_a_line_longer_than_a_block_is_whole():
    size = 3_000_000
    program = quoted(op.json_utf8(Spans([b"\x01" * size], None, np.array([0]), np.array([size]))))
    assert lines(program, 1) == ['"' + "\\u0001" * size + '"']


@pytest.mark.parametrize(
    "program",
    [
        [op.integer(np.arange(2))],
        [op.word(np.array([0, 1, 2]), ["a", "b"])],
        [op.hexadecimal(Spans([b"abc"], None, np.array([0, 1, 2]), np.array([1, 1, 2])))],
        [
            op.hexadecimal(
                Spans([b"abc"], np.array([0, 0, 1]), np.array([0, 1, 2]), np.ones(3, int))
            )
        ],
        op.repeat(np.array([0, 1, 2, 9]), [op.integer(np.arange(3))]),
    ],
)
def test_what_is_not_there_is_an_error(program):
    with pytest.raises(IndexError):
        list(op.written([program], np.zeros(3, int), np.arange(3)))


def test_a_program_that_is_none_is_an_error():
    skip = op.unless(np.ones(1, bool), [op.literal("x")])
    hexadecimal = op.hexadecimal(Spans([b"a"], None, np.zeros(1, int), np.ones(1, int)))
    integer = op.integer(np.arange(1))
    for wrong in (
        [skip[:1]],
        [[op.integer(np.arange(2), np.zeros(1, bool))]],
        [[(hexadecimal[0], *integer[1:])]],  # parts are read of an operation with numbers
        [[(integer[0], *hexadecimal[1:])]],
        [[(99, *integer[1:])]],
        [[(-1, *integer[1:])]],
        [[(integer[0], -1, *integer[2:])]],
    ):
        with pytest.raises(ValueError):
            list(op.written(wrong, np.zeros(1, int), np.zeros(1, int)))
    with pytest.raises(ValueError):
        list(op.written([[op.literal("x")]], np.ones(1, int), np.zeros(1, int)))


def edge_numbers():
    """Where the number of digits changes, and many of every size."""
    chance = random.Random("digits")
    out = [2**63 - 1, -(2**63), *range(-2000, 12000)]
    out += [sign * (10**n + more) for n in range(19) for more in (-1, 0, 1) for sign in (1, -1)]
    out += [chance.randrange(-(2**63), 2**63) >> chance.randrange(64) for _ in range(50_000)]
    return [number for number in out if -(2**63) <= number < 2**63]


def test_numbers_of_every_size():
    values = edge_numbers()
    assert lines([op.integer(np.array(values, np.int64)), NEW_LINE], len(values)) == list(
        map(str, values)
    )
    values = [value % 2**64 for value in values]
    assert lines([op.integer(np.array(values, np.uint64)), NEW_LINE], len(values)) == list(
        map(str, values)
    )


def test_seconds_are_rounded_as_python_rounds_them():
    values = [n * 1000 + more for n in range(-3000, 3000) for more in (-500, -499, 499, 500, 501)]
    values += [sign * (2**50 + more) for more in range(-3, 3) for sign in (1, -1)]
    values += [value >> 10 for value in edge_numbers()] + edge_numbers()
    made = op.seconds(np.array(values, np.int64), np.zeros(len(values), bool), "", 0)
    assert lines([made, NEW_LINE], len(values)) == [f"{value / 1e9:.6f}" for value in values]


def test_a_time_does_not_take_the_second_of_the_one_before():
    values = [
        0,
        0,
        10**9 - 1,
        10**9,
        -1,
        -(10**9),
        0,
        5 * 10**9 + 1,
        5 * 10**9,
        -(2**63),
        2**63 - 1,
    ]
    values += [second * 10**9 + 7 for second in (0, 86399, 86400, 951782400, 951868800) * 2]
    wanted = []
    for value in values:
        seconds, rest = divmod(value, 10**9)
        moment = datetime(1970, 1, 1) + timedelta(seconds=seconds)
        wanted.append(f"{moment.isoformat()}.{rest:09}Z")
    assert lines([op.time(np.array(values, np.int64)), NEW_LINE], len(values)) == wanted
