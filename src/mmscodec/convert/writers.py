"""Writers of one file each: Parquet, Arrow IPC, CSV, JSON lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mmscodec.convert.library import pyarrow
from mmscodec.convert.texts import csv_head, csv_lines, json_lines, plain_columns


class Parquet:
    """Compressed with zstd; names stay dictionary-encoded, and so does the metadata of columns."""

    def __init__(self, path: Path, schema: Any) -> None:
        self.file = pyarrow("parquet").ParquetWriter(path, schema, compression="zstd")

    def write(self, table: Any) -> None:
        """Some rows."""
        self.file.write_table(table)

    def tell(self, about: Mapping[str, str]) -> None:
        """Words for the metadata of the file."""
        self.file.add_key_value_metadata(dict(about))

    def close(self) -> None:
        """The file is complete."""
        self.file.close()


class Arrow:
    """An Arrow file, compressed with zstd. Names are plain text: one file has one dictionary."""

    def __init__(self, path: Path, schema: Any) -> None:
        ipc = pyarrow("ipc")
        plain = plain_columns(schema.empty_table()).schema
        self.file = ipc.new_file(str(path), plain, options=ipc.IpcWriteOptions(compression="zstd"))

    def write(self, table: Any) -> None:
        """Some rows."""
        self.file.write_table(plain_columns(table))

    def close(self) -> None:
        """The file is complete."""
        self.file.close()


class Csv:
    """RFC 4180 with a line of names; what is not there is empty."""

    def __init__(self, path: Path, schema: Any) -> None:
        self.file = path.open("wb")
        self.file.write(csv_head(schema))

    def write(self, table: Any) -> None:
        """Some rows."""
        self.file.writelines(csv_lines(table))

    def close(self) -> None:
        """The file is complete."""
        self.file.close()


class Lines:
    """An object a line, in ASCII."""

    def __init__(self, path: Path, schema: Any) -> None:
        self.file = path.open("wb")

    def write(self, table: Any) -> None:
        """Some rows."""
        self.file.writelines(json_lines(table))

    def close(self) -> None:
        """The file is complete."""
        self.file.close()


#: Formats: the ending of a file, and what writes one.
FORMATS: dict[str, tuple[str, Callable[[Path, Any], Any]]] = {
    "parquet": ("parquet", Parquet),
    "arrow": ("arrow", Arrow),
    "csv": ("csv", Csv),
    "jsonl": ("jsonl", Lines),
}
