"""Text as wide as the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

from mmscodec.cli.cells import cell_len, cut
from mmscodec.cli.output import columns

GAP = 2  # between columns


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
