"""Where the fields of one kind of message or packet are, as columns."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from mmscodec.schema.dtypes import SEQUENCE, STREAM_ENTRY
from mmscodec.schema.fields import Field, Struct
from mmscodec.tables import column as make
from mmscodec.tables.data import BYTES, Spans, strings

Items = tuple[np.ndarray, np.ndarray]  # ends, one more than rows; rows of a structured array


class Fields:
    """Fields of rows of one structure.

    Parameters
    ----------
    struct : Struct
    rows : numpy.ndarray
        Fixed fields.
    """

    def __init__(self, struct: Struct, rows: Any) -> None:
        self.struct, self.rows = struct, rows

    def numbers(self, path: tuple[str, ...]) -> np.ndarray:
        """A fixed field."""
        return make.taken(lambda: self.rows, *path)(0, len(self.rows))

    def absent(self, field: Field) -> np.ndarray | None:
        """Where a field is missing; None = nowhere, or it is empty or 0 there."""
        return None

    def inside(self, path: tuple[str, ...]) -> Spans:
        """The bytes of a field of fixed size."""
        return make.inside(lambda: self.rows, path)(0, len(self.rows))

    def parts(self, field: Field) -> Spans:
        """The bytes of a field of variable length."""
        raise NotImplementedError

    def values(self, field: Field) -> Any:
        """A field of variable length as Python objects."""
        return raw_values(self.parts(field))


class MmsFields(Fields):
    """Fields of every message of a kind in a capture or batch of one."""

    def __init__(self, tables: Any, struct: Struct) -> None:
        self.tables, self.columns = tables, tables._by_message
        super().__init__(struct, np.asarray(self.columns.array(struct.name)))

    @cached_property
    def _numbers(self) -> np.ndarray:
        return self.tables.rows(self.struct.name)

    def absent(self, field: Field) -> np.ndarray | None:
        """Where a field is missing; None = nowhere."""
        if field.needs_chunk_len:
            return self.rows["chunk_len"] < field.needs_chunk_len
        if field.variable and field.optional:
            return self._extents(field)[1] == 0
        return None

    def _extents(self, field: Field) -> tuple[np.ndarray, np.ndarray]:
        return self.columns.relative(self.struct.name, field.name, self._numbers)

    def parts(self, field: Field) -> Spans:
        """The bytes of a field of variable length."""
        start, length = self._extents(field)
        return self.columns.spans(self.columns.positions[self._numbers] + start, length)

    def items(self, field: Field) -> Items:
        """The items of a list."""
        dtype = STREAM_ENTRY if field.struct is not None else SEQUENCE
        found = self.parts(field)
        lengths = found.lengths - found.lengths % dtype.itemsize
        raw = strings(found._replace(lengths=lengths), BYTES)[2][2]
        return ends_of(lengths // dtype.itemsize), np.frombuffer(raw, dtype)

    def values(self, field: Field) -> Any:
        """A field of variable length as Python objects."""
        return self.tables.column(self.struct.name, field.python_name)


def raw_values(found: Spans) -> list[bytes]:
    """Parts of buffers, a copy."""
    views = [memoryview(buffer).cast("B") for buffer in found.buffers]
    which = np.zeros(len(found.starts), int) if found.which is None else found.which
    triples = zip(which.tolist(), found.starts.tolist(), found.lengths.tolist())
    return [bytes(views[source][at : at + size]) for source, at, size in triples]


def ends_of(counts: np.ndarray) -> np.ndarray:
    """Where the items of each row end, behind those of the rows before it."""
    ends = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=ends[1:])
    return ends
