"""Rows as `batch[name]` gives them: structured arrays whose columns data frames can take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import numpy as np


class Rows(np.ndarray):
    """A structured array with the layout of the wire, and columns of types that all tools know.

    A column by name is a view of the rows, as in any structured array, but where the wire has what
    pandas and Polars do not take: raw bytes are an object array of bytes, and big-endian numbers
    an array of native ones. Those are copies and read-only; ``rows.view(numpy.ndarray)`` has the
    fields as they lie in memory. Fields of a structure inside of another stand side by side, and
    the name of the structure gives it as a whole.
    """

    def __getitem__(self, key: Any) -> Any:
        if not isinstance(key, str):
            return super().__getitem__(key)
        whole = _STRUCTURES.get(self.dtype)
        if whole is not None and key not in (self.dtype.names or ()):
            return self.view(np.ndarray).view(whole)[key]
        return _taken(self.view(np.ndarray)[key])

    def __repr__(self) -> str:
        return repr(self.view(np.ndarray))


def _taken(values: np.ndarray) -> np.ndarray:
    """A column as data frames take it."""
    kind = values.dtype
    if kind.kind == "V" and kind.names is None and kind.subdtype is None:
        made = np.empty(values.shape, object)
        made[...] = np.array(values.tolist(), object).reshape(values.shape) if values.size else None
        made.flags.writeable = False
        return made
    if not kind.isnative:
        made = values.astype(kind.newbyteorder("="))
        made.flags.writeable = False
        return made
    return values


#: Of dtypes that `flat` made: the structures that they were made of.
_STRUCTURES: dict[np.dtype, np.dtype] = {}


def as_rows(rows: np.ndarray) -> Rows:
    """The same memory as `Rows`."""
    return rows.view(flat(rows.dtype)).view(Rows)


@cache
def flat(dtype: np.dtype) -> np.dtype:
    """The same layout with the fields of inner structures side by side.

    A name that is taken already gets the name of its structure in front.
    """
    fields: Mapping[str, Any] = dtype.fields or {}
    if not any(kind.names for kind, *_ in fields.values()):
        return dtype
    columns: dict[str, tuple[np.dtype, int]] = {}
    for path, kind, at in _leaves(dtype):
        name = path[-1] if path[-1] not in columns else "_".join(path[-2:])
        columns[name] = kind, at
    made = np.dtype(
        {
            "names": list(columns),
            "formats": [kind for kind, _ in columns.values()],
            "offsets": [at for _, at in columns.values()],
            "itemsize": dtype.itemsize,
        }
    )
    _STRUCTURES[made] = dtype
    return made


def _leaves(
    dtype: np.dtype, path: tuple[str, ...] = (), at: int = 0
) -> Iterator[tuple[tuple[str, ...], np.dtype, int]]:
    """Path, dtype and offset of every field that is no structure."""
    fields: Mapping[str, Any] = dtype.fields or {}
    for name, (kind, offset, *_) in fields.items():
        if kind.names:
            yield from _leaves(kind, (*path, name), at + offset)
        else:
            yield (*path, name), kind, at + offset


def as_structures(rows: Any, *known: np.dtype) -> Any:
    """`as_rows` the other way, for an array or one row; `known` are dtypes that it may be of."""
    plain = rows.view(np.ndarray) if isinstance(rows, np.ndarray) else rows
    if not isinstance(plain, np.ndarray | np.void) or plain.dtype.names is None:
        return rows
    for dtype in known:
        if plain.dtype != dtype and plain.dtype == flat(dtype):
            return np.asarray(plain).view(dtype)[()]
    return plain
