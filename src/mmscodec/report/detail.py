"""What the page shows of one session when it is opened."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from mmscodec.lines.fields import safe
from mmscodec.report import series
from mmscodec.report.ladder import Ladder, data_runs, troubles
from mmscodec.report.limits import Limits, short
from mmscodec.report.problems import Problems
from mmscodec.schema.values import FILE_ATTRIBUTES, flags_text
from mmscodec.sessions import MATCHES, SIDES, STATES
from mmscodec.sessions.arrow import SPECS
from mmscodec.sessions.closing import ENDED_BY
from mmscodec.sessions.metadata import hr_name, log_in_charset
from mmscodec.sessions.session_flows import RowsByFlow
from mmscodec.sessions.table import TEXTS
from mmscodec.sessions.transports import UDP_STORIES

_FLOWS = ("client_flow", "server_flow", "data_flow", "resend_flow")
#: Columns that are said in other words or stand elsewhere.
_ELSEWHERE = {
    "start", "end", "auth_scheme", "auth_result", "end_reason", "partial", "end_message",
}  # fmt: skip
#: Columns that are numbers for names.
_WORDS: dict[str, Callable[[Any], str]] = {
    "attributes": lambda bits: flags_text(bits, FILE_ATTRIBUTES) if bits else "",
    "ended_by": lambda number: ENDED_BY[number],
    "end_hr": hr_name,
    "udp_story": lambda number: UDP_STORIES[number],
    "played_out": lambda number: "yes" if number else "no",
}


class Details:
    """Makes the details of any session of a capture."""

    def __init__(
        self, capture: Any, ladder: Ladder, problems: Problems, limits: Limits, charset: str | None
    ) -> None:
        self.charset = charset
        self.capture, self.ladder, self.problems, self.limits = capture, ladder, problems, limits
        flows = len(capture.flows)
        self.faults = RowsByFlow(np.asarray(capture.faults), flows)
        self.gaps = RowsByFlow(capture.gaps, flows)
        self.findings = RowsByFlow(problems.rows, flows)
        numbers = np.arange(len(capture.sessions) + 1)
        self._bounds = {
            name: np.searchsorted(np.ascontiguousarray(getattr(capture, name)["session"]), numbers)
            for name in ("exchanges", "transitions")
        }

    def of(self, session: Any) -> dict[str, Any]:
        """Everything about one session."""
        row, limits = session.row, self.limits
        start = int(row["start"])
        exchanges = self._rows("exchanges", session.index)
        flows = sorted({int(row[name]) for name in _FLOWS} - {-1})
        rows = self.ladder.messages(session.ends.ordered, _latencies(exchanges), start, limits)
        rows += data_runs(self.capture, session, start)
        rows += troubles(
            self.capture.faults[self._of(self.faults, flows)],
            self.capture.gaps[self._of(self.gaps, flows)], start, limits,
        )  # fmt: skip
        rows.sort(key=lambda item: item[0])
        points = limits.points
        return {
            "facts": facts(session, limits.text), "messages": len(session.ends.ordered),
            "ladder": rows, "exchanges": _exchanges(exchanges[: limits.rows], start),
            "exchange_count": len(exchanges),
            "states": self._states(session.index, start),
            "rates": series.rates(self.capture, session, points),
            "buffer": series.buffer(self.capture, session, points),
            "locations": series.locations(self.capture, session, points),
            "findings": self._findings(flows),
            "log": _log(session, self.charset),
        }  # fmt: skip

    def _rows(self, name: str, index: int) -> np.ndarray:
        low, high = self._bounds[name][index : index + 2]
        return getattr(self.capture, name)[low:high]

    @staticmethod
    def _of(rows: RowsByFlow, flows: list[int]) -> np.ndarray:
        parts = [rows[flow] for flow in flows]
        return np.concatenate([np.empty(0, np.int64), *parts])

    def _findings(self, flows: list[int]) -> list[list[int]]:
        kinds = self.problems.kind[self._of(self.findings, flows)]
        return np.stack(np.unique(kinds, return_counts=True), axis=1).tolist() if len(kinds) else []

    def _states(self, index: int, start: int) -> list[list[Any]]:
        rows = self._rows("transitions", index)[: self.limits.rows]
        return [
            [(time - start) // 1000, SIDES[side], STATES[before], STATES[after]]
            for time, side, before, after in zip(
                *(rows[name].tolist() for name in ("time", "side", "before", "after"))
            )
        ]


def _latencies(exchanges: np.ndarray) -> dict[int, int]:
    known = exchanges[(exchanges["response"] >= 0) & (exchanges["latency"] >= 0)]
    return dict(zip(known["response"].tolist(), known["latency"].tolist()))


def _exchanges(rows: np.ndarray, start: int) -> list[list[Any]]:
    """[us, MID of the request, of the response, latency, until Data, by what, result]; -1 = none"""
    names = ("time", "request_mid", "response_mid", "latency", "data_latency", "match", "hr")
    out = []
    asked = (rows["request"] >= 0).tolist()
    answered = (rows["response"] >= 0).tolist()
    for request, response, values in zip(asked, answered, zip(*(rows[n].tolist() for n in names))):
        time, first, second, latency, data, match, hr = values
        result = hr_name(hr).split(" (")[0] if hr > 0 else ""
        how = MATCHES[match] if response and request else ""
        out.append([
            (time - start) // 1000, first if request else -1, second if response else -1, latency,
            data, how, result,
        ])  # fmt: skip
    return out


def facts(session: Any, most: int) -> list[list[Any]]:
    """[name, value, unit] of everything that is known of a session; values are text or numbers."""
    row = session.row
    out: list[list[Any]] = [
        [name, short(safe(text), most), ""] for name in TEXTS if (text := getattr(session, name))
    ]
    for name in row.dtype.names:
        spec = SPECS.get(name)
        value = row[name].item()
        if name in _ELSEWHERE or (spec is not None and spec.null == value):
            continue
        if name in _WORDS:
            value = _WORDS[name](value)
        if value == "" or (isinstance(value, float) and not math.isfinite(value)):
            continue
        unit = "" if spec is None or isinstance(value, str) else spec.unit
        out.append([name, value, "ns" if spec is not None and spec.kind == "duration" else unit])
    return out


def _log(session: Any, charset: str | None) -> list[list[Any]]:
    if session.log is None:
        return []
    return [
        [name, short(safe(value), 200) if isinstance(value, str) else value, ""]
        for name, value in log_in_charset(session.log, charset).items()
        if isinstance(value, int | float | str)
        and not (isinstance(value, float) and not math.isfinite(value))
    ]
