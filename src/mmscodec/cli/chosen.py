"""Rows of tables by flow and time: those that `decode` shows with the same options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mmscodec.cli.choice import Choice

_SESSION_FLOWS = ("client_flow", "server_flow", "data_flow", "resend_flow")
_OF_SESSIONS = ("exchanges", "transitions")


def choose(capture: Any, wanted: Choice) -> Callable[[Any], np.ndarray] | None:
    """What says which rows of a table of `capture` are wanted; None where all are."""
    if wanted.everything:
        return None

    def of(table: Any) -> np.ndarray:
        names = table.column_names
        if "first_time" in names:
            return _inside(table, wanted, "first_time", "last_time") & _of_flows(table, wanted)
        if table.name == "sessions":
            return _inside(table, wanted, "start", "end") & _of_session(table, wanted)
        rows = np.zeros(len(table), [("time", "i8"), ("flow", "i8")])
        rows["time"] = table.numbers("time")
        if table.name not in _OF_SESSIONS:
            rows["flow"] = table.numbers("flow")
            return wanted.keep(rows)
        sessions = _of_session(capture.table("sessions"), wanted)
        return wanted.keep_time(rows) & sessions[table.numbers("session")]

    return of


def _inside(table: Any, wanted: Choice, first: str, last: str) -> np.ndarray:
    spans = zip(table.numbers(first).tolist(), table.numbers(last).tolist())
    return np.array([wanted.overlaps(*span) for span in spans], bool)


def _of_flows(table: Any, wanted: Choice) -> np.ndarray:
    flows = table.numbers("flow")
    return np.ones(len(table), bool) if wanted.flows is None else np.isin(flows, wanted.flows)


def _of_session(table: Any, wanted: Choice) -> np.ndarray:
    if wanted.flows is None:
        return np.ones(len(table), bool)
    columns = [np.isin(table.numbers(name), wanted.flows) for name in _SESSION_FLOWS]
    return np.any(columns, axis=0)
