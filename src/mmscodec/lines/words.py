"""Columns as numbers of different values, for what is put into words once each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np


def distinct(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The different numbers of a column, and which of them each row has."""
    if not len(values) or (values[0] == values).all():
        return values[:1], np.zeros(len(values), np.int64)
    if values.dtype.kind == "f":  # by their bits: no NaN equals another
        bits, index = np.unique(np.ascontiguousarray(values).view("i8"), return_inverse=True)
        return bits.view(values.dtype), index.reshape(-1)
    unique, index = np.unique(values, return_inverse=True)
    return unique, index.reshape(-1)


def listed(values: Iterable[Any]) -> tuple[list[Any], np.ndarray]:
    """The same for hashable objects."""
    known: dict[Any, int] = {}
    index = [known.setdefault(value, len(known)) for value in values]
    return list(known), np.array(index, np.int64)
