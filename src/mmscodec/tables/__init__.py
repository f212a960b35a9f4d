"""Tables for Arrow, Parquet and SQL: what `table(name)` of a capture or batch gives."""

from mmscodec.tables.stream import TableStream
from mmscodec.tables.table import Table

__all__ = ("Table", "TableStream")
