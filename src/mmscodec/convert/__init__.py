"""Captures as Parquet, Arrow IPC, CSV or JSON lines, and tables back to rows; needs pyarrow."""

from mmscodec.convert.conversion import Options, convert
from mmscodec.convert.rows import rows_from_arrow

__all__ = ("Options", "convert", "rows_from_arrow")
