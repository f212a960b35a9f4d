"""Width of text in columns of a terminal: an ideograph takes two, a combining mark none."""

from __future__ import annotations

import importlib
import unicodedata
from functools import cache
from typing import Any

MARK = "..."


@cache
def _library() -> Any:
    """`rich.cells`, which follows the tables of Unicode, or None without the extra `cli`."""
    try:
        return importlib.import_module("rich.cells")
    except ImportError:
        return None


def cell_len(text: str) -> int:
    """Columns that `text` takes.

    >>> cell_len("abc"), cell_len("日本")
    (3, 4)
    """
    if text.isascii():
        return len(text)
    library = _library()
    if library is not None:
        return library.cell_len(text)
    return sum(
        0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF")
        for char in text
    )


def left(text: str, size: int) -> str:
    """`text` with spaces behind it up to `size` columns."""
    return text + " " * (size - cell_len(text))


def right(text: str, size: int) -> str:
    """`text` with spaces in front of it up to `size` columns."""
    return " " * (size - cell_len(text)) + text


def cut(text: str, size: int) -> str:
    """At most `size` columns of `text`, three dots at the end where something is left out.

    >>> cut("a long name", 7), cut("日本語の名", 8)
    ('a lo...', '日本...')
    """
    if cell_len(text) <= size:
        return text
    room = max(size - len(MARK), 0)
    kept = text[:room]  # no character takes less than nothing
    while kept and cell_len(kept) > room:
        kept = kept[:-1]
    return kept + MARK[: size - cell_len(kept)]
