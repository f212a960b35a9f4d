"""Captures larger than a machine: segments of relevant flows, spooled, partitioned, decoded.

Three steps, each a function over files or Arrow record batches: `survey_file` finds what in a file
may matter, `decide` puts the surveys of all files together, `scan_file` gives the segments that
matter, and `decode_sorted` decodes a partition of them. Every table that `mmscodec.open` has comes
out with the same rows. `survey`, `scan` and `join` do all of it for many files, by way of a spool.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from mmscodec.distributed.decoding import SORT_BY, decode_sorted, join_partition, schema
from mmscodec.distributed.engine import join, scan, survey
from mmscodec.distributed.scanning import scan_file
from mmscodec.distributed.surveying import Wanted, decide, survey_file

__all__ = (
    "SEGMENTS",
    "SORT_BY",
    "SURVEY",
    "Wanted",
    "decide",
    "decode_sorted",
    "join",
    "join_partition",
    "scan",
    "scan_file",
    "schema",
    "survey",
    "survey_file",
)


def __getattr__(name: str) -> Any:
    if name in ("SEGMENTS", "SURVEY"):  # which need pyarrow
        return getattr(import_module("mmscodec.distributed.schemas"), name)
    raise AttributeError(f"module 'mmscodec.distributed' has no attribute {name!r}")
