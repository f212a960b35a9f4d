"""Findings by kind, and what each message has of them; faults and gaps in words."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmscodec.capture import GAP_REASONS
from mmscodec.report.limits import Limits, short
from mmscodec.report.sections import Sections
from mmscodec.schema.faults import FAULT_FIELDS
from mmscodec.schema.findings import FINDING_FIELDS, FINDING_TEXTS, FindingCode, Severity
from mmscodec.schema.winmx.findings import SECTIONS, TEXTS

_PACKETS, _MESSAGES, _LAST_MMS, _WINMX_PACKETS = 1, 2, 3, 5
_EXAMPLES = 3


class Problems:
    """The findings of a capture by kind.

    Attributes
    ----------
    kinds : list of dict
        Each kind: severity, what is wrong, field, section, rule, how often, examples.
    kind : numpy.ndarray
        Which of them each finding is.
    """

    def __init__(self, capture: Any) -> None:
        found = capture.findings
        rows = np.asarray(found)
        self.rows = rows
        key = (rows["table"] > _LAST_MMS).astype(np.int64) << 48
        for name, place in (("severity", 40), ("code", 24), ("field", 0)):
            key |= rows[name].astype(np.int64) << place
        unique, first, self.kind, counts = np.unique(
            key, return_index=True, return_inverse=True, return_counts=True
        )
        order = np.argsort(self.kind, kind="stable")
        starts = np.cumsum(counts) - counts
        self.kinds = []
        for number in range(len(unique)):
            some = order[starts[number] : starts[number] + min(counts[number], _EXAMPLES)]
            examples = [_example(row, line) for row, line in zip(rows[some], found[some].text())]
            kind = _kind(rows[first[number]], int(counts[number]))
            self.kinds.append(kind | {"examples": examples})
        self._by_message = self._of_messages(capture)
        winmx = rows["table"] == _WINMX_PACKETS
        self._by_packet = _sorted(rows["row"][winmx], self.kind[winmx])
        self._severe = self._rows_with_violations(self._by_message, len(capture.messages))
        packets = len(capture.winmx.packets) if len(self._by_packet[0]) else 0
        self._severe_packets = self._rows_with_violations(self._by_packet, packets)

    def _of_messages(self, capture: Any) -> tuple[np.ndarray, np.ndarray]:
        # what is wrong with the header of a packet stands at its first message
        table, row = self.rows["table"], self.rows["row"].astype(np.int64)
        heads = np.flatnonzero(table == _PACKETS)
        packets = capture.packets[row[heads]]
        heads = heads[packets["message_count"] > 0]
        message = row.copy()
        message[heads] = capture.packets["first_message"][row[heads]]
        chosen = np.concatenate([np.flatnonzero(table == _MESSAGES), heads])
        return _sorted(message[chosen], self.kind[chosen])

    def of(self, rows: np.ndarray, winmx: bool = False) -> list[list[int]]:
        """Kinds of findings of each of these rows of `messages` or of the WinMX packets."""
        known, kinds = self._by_packet if winmx else self._by_message
        low, high = np.searchsorted(known, rows), np.searchsorted(known, rows, "right")
        return [
            list(dict.fromkeys(kinds[a:b].tolist())) if b > a else []
            for a, b in zip(low.tolist(), high.tolist())
        ]

    def violated(self, rows: np.ndarray, winmx: bool = False) -> np.ndarray:
        """Which of these rows break a rule that they must keep."""
        severe = self._severe_packets if winmx else self._severe
        return severe[rows] if len(severe) else np.zeros(len(rows), bool)

    def _rows_with_violations(self, of: tuple[np.ndarray, np.ndarray], count: int) -> np.ndarray:
        # a bool for each row of the table
        known, kinds = of
        severe = np.array([kind["severity"] == "violation" for kind in self.kinds], bool)
        out = np.zeros(count, bool)
        out[known[severe[kinds]]] = True
        return out


def _sorted(rows: np.ndarray, kinds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(rows, kind="stable")
    return rows[order].astype(np.int64), kinds[order]


def _kind(row: Any, count: int) -> dict[str, Any]:
    code, number = int(row["code"]), int(row["field"])
    out: dict[str, Any] = {
        "severity": Severity(int(row["severity"])).name.lower(), "count": count, "rule": "",
        "note": "",
    }  # fmt: skip
    if row["table"] > _LAST_MMS:
        field = FAULT_FIELDS.get(number, "")
        return out | {
            "text": TEXTS.get(code, f"finding {code}"), "field": field,
            "section": SECTIONS.get(code, ""), "protocol": "winmx",
        }  # fmt: skip
    out |= {"text": FINDING_TEXTS[FindingCode(code)], "field": "", "section": "", "protocol": "mms"}
    if number in FINDING_FIELDS:
        struct, path, item = FINDING_FIELDS[number]
        rule = item.rule.text() if item.rule is not None else ""
        out |= {
            "field": f"{struct.name}.{path}", "section": struct.section, "rule": rule,
            "note": item.note,
        }  # fmt: skip
    return out


def _example(row: Any, line: str) -> list[Any]:
    words = (line.partition(": ")[2] or line).partition(" ")[2]  # behind the severity
    return [int(row["flow"]), int(row["offset"]), short(words, 240)]


def fault_rows(capture: Any, faults: Any, limits: Limits) -> list[list[Any]]:
    """[flow, offset, length, text, section, file] of faults, the first ones."""
    out, sections = [], Sections(capture)
    some = faults[: limits.listed]
    for place, (row, line) in enumerate(zip(np.asarray(some), some.text())):
        flow, offset, file = int(row["flow"]), int(row["offset"]), ""
        if flow < 0 <= offset:
            file, offset = capture.file_of(offset)
        text = line.partition(": ")[2].partition(" [")[0]
        out.append(
            [
                flow,
                offset,
                int(row["length"]),
                short(text, limits.text),
                sections.of(place, row),
                file,
            ]
        )
    return out


def gap_words(row: Any) -> str:
    """A gap in words."""
    return f"{int(row['length'])} bytes missing: {GAP_REASONS.get(int(row['reason']), '')}"
