"""pyarrow, imported when it is needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from mmscodec.errors import MissingExtraError


def pyarrow(module: str = "") -> Any:
    """The package or one of its modules; MissingExtraError names the extra."""
    try:
        return import_module(f"pyarrow.{module}" if module else "pyarrow")
    except ImportError as error:
        raise MissingExtraError("pyarrow", "arrow") from error


def as_table(table: Any) -> Any:
    """A table as one of pyarrow; `pyarrow.table` would import pandas to see whether it is none."""
    return pyarrow().RecordBatchReader.from_stream(table).read_all()
