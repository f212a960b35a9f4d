"""Arrow tables of messages back to rows and columns, as `mms.encode` takes them."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmscodec.convert.library import pyarrow
from mmscodec.mms.columns import struct_of
from mmscodec.rows import Rows, flat
from mmscodec.schema.dtypes import ROWS
from mmscodec.schema.fields import Field, ansi_encode


def rows_from_arrow(name: str, table: Any) -> tuple[np.ndarray, dict[str, list[Any]]]:
    """Rows of a kind of message, and its variable fields.

    Parameters
    ----------
    name : str
        Of the message.
    table : object with Arrow PyCapsule methods
        As `table(name)` gives it, maybe after Parquet, SQL or a data frame. Columns that are no
        fields are left alone; a fixed field without a column is 0.

    Returns
    -------
    rows : numpy.ndarray
        As `batch[name]`.
    fields : dict
        Variable fields: ``mms.encode(name, rows, **fields)``.

    Raises
    ------
    ValueError
        Credentials are masked: take the table with ``secrets=True``.
    """
    taken = pyarrow().table(table)
    struct = struct_of(name)[1]
    rows = np.zeros(len(taken), flat(ROWS[struct.name]))
    variable = {}
    for column in rows.dtype.names or ():
        source = {"file_name": "file_name_number"}.get(column, column)
        if rows.dtype[column].kind == "V" and f"{column}_bytes" in taken.column_names:
            source = f"{column}_bytes"
        if source in taken.column_names:
            rows[column] = _fixed(taken[source], rows.dtype[column])
    for field in struct.variable:
        if field.python_name in taken.column_names:
            variable[field.python_name] = _variable(taken, field)
    return rows.view(Rows), variable


def _fixed(column: Any, dtype: np.dtype) -> Any:
    if dtype.kind == "S":
        return [ansi_encode(text or "") for text in column.to_pylist()]
    if dtype.kind == "V":
        out = np.zeros(len(column), dtype)
        for row, value in enumerate(column.to_pylist()):
            out[row] = np.void((value or b"").ljust(dtype.itemsize, b"\0")[: dtype.itemsize])
        return out
    if pyarrow().types.is_null(column.type):
        return np.zeros(len(column), dtype)
    if column.null_count:
        column = column.fill_null(pyarrow().scalar(0).cast(column.type))
    return column.to_numpy().astype(dtype)  # bit by bit: -0.0 and NaN are values too


def _variable(table: Any, field: Field) -> list[Any]:
    about = table.schema.field(field.python_name).metadata or {}
    if about.get(b"masked") == b"true":
        raise ValueError(f"{field.name} is masked: take the table with secrets=True")
    values = table[field.python_name].to_pylist()
    if field.kind == "array" and field.struct is not None:
        return [[tuple(item.values()) for item in value or ()] for value in values]
    return values
