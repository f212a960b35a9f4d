"""Text as wide as the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

from mmscodec.cli.cells import cell_len, cut
from mmscodec.cli.output import columns, is_number

GAP = 2  # between columns
_LEAST = 12  # columns that are left of a text at least
_LEFT_OUT = "..."  # stands for columns that have no room


def wrapped(text: str, width: int | None, first: str = "", indent: int = 0) -> list[str]:
    """Lines of at most `width` columns, where words allow it; None = one line.

    Parameters
    ----------
    first : str
        What the first line begins with.
    indent : int
        Spaces that the others begin with.

    >>> wrapped("a session of many words", 14, "- ", 2)
    ['- a session of', '  many words']
    """
    if width is None:
        return [first + text]
    return textwrap.wrap(
        text, max(width, indent + 20), initial_indent=first, subsequent_indent=" " * indent,
        break_long_words=False, break_on_hyphens=False,
    ) or [first.rstrip()]  # fmt: skip


def fitted(
    rows: Iterable[Iterable[Any]], heads: Iterable[str], width: int | None, least: Mapping[str, int]
) -> list[str]:
    """A table of which columns are cut until it fits.

    Parameters
    ----------
    least : mapping of str to int
        The columns that may be cut, by their heads, and how much is left of them at least.

    >>> fitted([("a long name", "b")], ("name", "x"), 10, {"name": 4})
    ['name     x', 'a lo...  b']
    """
    heads = list(heads)
    cells = [[str(cell) for cell in row] for row in rows]
    if width is None:
        return columns(cells, heads)
    sizes = [max(map(cell_len, column)) for column in zip(heads, *cells)]
    while sum(sizes) + GAP * (len(sizes) - 1) > width:
        wide = [i for i, head in enumerate(heads) if sizes[i] > least.get(head, sizes[i])]
        if not wide:
            break
        sizes[max(wide, key=lambda i: sizes[i])] -= 1
    return columns([[cut(c, size) for c, size in zip(row, sizes)] for row in cells], heads)


def fits(rows: Iterable[Iterable[Any]], heads: Iterable[str], width: int) -> bool:
    """Whether a table needs no more columns of the terminal than there are.

    >>> fits([("a long name", "b")], ("name", "x"), 14), fits([("a", "b")], ("name", "x"), 6)
    (True, False)
    """
    sizes = [max(map(cell_len, map(str, column))) for column in zip(heads, *rows)]
    return _room(sizes, list(range(len(sizes))), len(sizes)) <= width


def shortened(rows: Iterable[Iterable[Any]], heads: Iterable[str], width: int | None) -> list[str]:
    """Any table in so many columns: texts are cut, then columns in the middle left out.

    Numbers are never cut. A last line says how many columns are shown, where not all are.

    >>> shortened([(1, "one name", 22, "of many")], ("a", "b", "c", "d"), 21)
    ['a  ...  d', '1  ...  of many', '(4 columns, 2 shown)']
    """
    heads = list(heads)
    cells = [[str(cell) for cell in row] for row in rows]
    if width is None or not heads:
        return columns(cells, heads)
    sizes = [max(map(cell_len, column)) for column in zip(heads, *cells)]
    numbers = [all(map(is_number, column)) for column in zip(*cells)] or [False] * len(heads)
    least = [size if number else min(size, _LEAST) for size, number in zip(sizes, numbers)]
    shown = list(range(len(heads)))
    while len(shown) > 2 and _room(least, shown, len(heads)) > width:
        del shown[len(shown) // 2]
    while _room(sizes, shown, len(heads)) > width:
        wide = [i for i in shown if sizes[i] > least[i]]
        if not wide:
            break
        sizes[max(wide, key=lambda i: sizes[i])] -= 1
    middle = (len(shown) + 1) // 2
    if len(shown) == len(heads):
        middle = len(shown)
    lines = columns(
        [_with_gap([cut(row[i], sizes[i]) for i in shown], middle) for row in cells],
        _with_gap([cut(heads[i], sizes[i]) for i in shown], middle),
    )
    told = f"({len(heads)} columns, {len(shown)} shown)"
    return [cut(line, width) for line in lines + [told] * (len(shown) < len(heads))]


def _room(sizes: list[int], shown: list[int], count: int) -> int:
    # columns of the terminal that those of the table take, with what stands for the others
    gap = 0 if len(shown) == count else len(_LEFT_OUT) + GAP
    return sum(sizes[i] for i in shown) + GAP * (len(shown) - 1) + gap


def _with_gap(cells: list[str], at: int) -> list[str]:
    return cells if at == len(cells) else [*cells[:at], _LEFT_OUT, *cells[at:]]
