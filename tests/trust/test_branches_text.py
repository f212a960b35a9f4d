"""Every character that a terminal or a spreadsheet acts on is escaped, its neighbours are not."""

import csv
import io

import numpy as np
import pytest

from mmscodec.tables import lines as op
from mmscodec.tables.data import Spans


def parts(values):
    ends = np.cumsum([0, *map(len, values)])
    return Spans([b"".join(values)], None, ends[:-1], np.diff(ends))


def cells(texts):
    """Each text through a cell of CSV and back."""
    encoded = parts([text.encode("utf-8", "surrogatepass") for text in texts])
    program = [*op.cell([op.cell_utf8(encoded)]), op.literal("\n")]
    made = b"".join(op.written([program], np.zeros(len(texts), int), np.arange(len(texts))))
    return [row[0] for row in csv.reader(io.StringIO(made.decode(), newline=""))]


#: Ranges of characters that are orders: C1 controls and the soft hyphen, zero width and marks of
#: direction, line separators and embeddings, invisible operators and isolates, the byte order mark.
ORDERS = [
    (0x80, 0x9F), (0xAD, 0xAD), (0x200B, 0x200F), (0x2028, 0x202E), (0x2060, 0x206F),
    (0xFEFF, 0xFEFF),
]  # fmt: skip


def test_every_order_is_escaped_and_no_neighbour():
    everything = [*range(0x80, 0x100), *range(0x1FF0, 0x2100), *range(0xFE00, 0xFF10)]
    found = cells(["a" + chr(c) + "b" for c in everything])
    for c, cell in zip(everything, found, strict=True):
        if any(first <= c <= last for first, last in ORDERS):
            assert "\\" in cell, hex(c)
            assert chr(c) not in cell
        else:
            assert cell == "a" + chr(c) + "b", hex(c)


@pytest.mark.parametrize("mark", ['"', ",", "\n", "\r"])
def test_a_mark_alone_makes_a_quoted_cell(mark):
    (cell,) = cells(["a" + mark + "b"])
    assert cell in ("a" + mark + "b", f"a\\x{ord(mark):02x}b")


@pytest.mark.parametrize("first", list("=+-@"))
def test_what_begins_a_formula_has_an_apostrophe_in_front(first):
    assert cells([first + "1"]) == ["'" + first + "1"]
    assert cells(["1" + first]) == ["1" + first]
    assert cells([first]) == ["'" + first]
