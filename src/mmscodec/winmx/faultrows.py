"""Fault rows that Python code adds to those of the kernels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mmscodec.schema.faults import FaultCode
from mmscodec.schema.winmx.dtypes import FAULT_ROWS

TYPE, LENGTH, DATA, KEY_BLOCK = 64, 65, 66, 67  # fault fields


def fault(offset: int, length: int, code: int, field: int, need: int, have: int) -> np.ndarray:
    """One row of the fault table, in no packet."""
    row = np.zeros(1, FAULT_ROWS)
    row[0] = (offset, length, code, field, -1, need, have)
    return row


def key_block_fault(offset: int, length: int = 0) -> np.ndarray:
    """A key block that does not check, or is none for its place; `length` bytes stay unread."""
    return fault(offset, length, FaultCode.BAD_KEY_BLOCK, KEY_BLOCK, 16, 16)


def unknown_fault(offset: int, need: int, have: int, length: int = 0) -> np.ndarray:
    """A value that cannot stand at the start."""
    return fault(offset, length, FaultCode.UNKNOWN_STRUCTURE, TYPE, need, have)


def add_faults(batch: Any, rows: Sequence[np.ndarray]) -> None:
    """Let `batch.faults` begin with these rows."""
    if rows:
        batch.cache["more faults"] = np.concatenate(list(rows)) if len(rows) > 1 else rows[0]
        batch.cache.pop("faults", None)
