"""Messages of a session in order, with their fields as `decode` shows them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from mmscodec.lines import groups as made
from mmscodec.lines import people
from mmscodec.lines.fields import Style, safe
from mmscodec.report.limits import Limits, short
from mmscodec.report.problems import Problems, gap_words
from mmscodec.schema.vocabulary import Direction
from mmscodec.tables import lines as op

#: In front of each field; no text holds it, as `safe` writes it as an escape.
MARK = "\x1f"
MESSAGE, DATA, FAULT, GAP = range(4)
_SHARE_OF_END = 8  # one row of so many is kept for the last messages
_PREFIXES = ("LinkViewerToMac", "LinkMacToViewer")


class Fields:
    """Names and fields of any rows of `messages`, or of the WinMX packets.

    Parameters
    ----------
    groups : iterable of (rows, Group)
        Rows of that table, and what they are.
    count : int
        Rows of the table.
    """

    def __init__(self, groups: Any, count: int, style: Style) -> None:
        self._which = np.full(count, -1, np.int64)
        self._within = np.zeros(count, np.int64)
        self.names: list[str] = []
        self._programs = []
        for number, (rows, group) in enumerate(groups):
            self._which[rows] = number
            self._within[rows] = np.arange(len(rows))
            name = group.name.texts[0]
            for prefix in _PREFIXES:
                name = name.removeprefix(prefix)
            self.names.append(safe(name))
            words = []
            if group.source is not None:
                words = people.summary(group.struct, group.source, style, MARK)
            self._programs.append([*words, op.literal("\n")])

    def name(self, rows: np.ndarray) -> list[int]:
        """Number of the name of each row."""
        return self._which[rows].tolist()

    def counts(self) -> list[list[Any]]:
        """[name, how many] of each."""
        numbers = np.bincount(self._which[self._which >= 0], minlength=len(self.names))
        return [[name, count] for name, count in zip(self.names, numbers.tolist())]

    def words(self, rows: np.ndarray, most: int) -> list[str]:
        """The fields of each row, `MARK` in front of each, `most` characters of them."""
        if not len(rows):
            return []
        blocks = op.written(self._programs, self._which[rows], self._within[rows])
        lines = b"".join(blocks).decode().split("\n")[:-1]
        return [short(line, most) for line in lines]


def mms_fields(capture: Any, style: Style) -> Fields:
    """Those of MMS messages."""
    mids = np.asarray(capture.messages["mid"])

    def found() -> Iterator[tuple[np.ndarray, Any]]:
        for group in made.messages(capture):
            whole = capture.rows(group.struct.name) if group.struct is not None else mids[:0]
            if group.source is None:
                mine = np.flatnonzero(mids == group.rows["mid"][0])
                whole = np.setdiff1d(mine, whole)
            yield whole, group

    return Fields(found(), len(mids), style)


def winmx_fields(capture: Any, style: Style) -> Fields:
    """Those of WinMX packets."""
    from mmscodec.lines import winmx

    packets = np.asarray(capture.winmx.packets)
    place = packets["flow"].astype(np.int64) << 40 | packets["offset"]
    order = np.argsort(place, kind="stable")

    def found() -> Iterator[tuple[np.ndarray, Any]]:
        for group in winmx.groups(capture):
            key = group.rows["flow"].astype(np.int64) << 40 | group.rows["offset"]
            yield order[np.searchsorted(place[order], key)], group

    return Fields(found(), len(packets), style)


def choose(rows: np.ndarray, severe: np.ndarray, most: int) -> np.ndarray:
    """Which of `rows` are shown: the first ones, the last few, and between them the severe ones."""
    if len(rows) <= most:
        return np.arange(len(rows))
    tail, room = max(most // _SHARE_OF_END, 1), most // 4
    head = most - tail - room
    marked = np.flatnonzero(severe[head : len(rows) - tail])[:room] + head
    first = np.arange(most - tail - len(marked))
    return np.unique(np.concatenate([first, marked, np.arange(len(rows) - tail, len(rows))]))


class Ladder:
    """Makes the ladders of one capture.

    A row is [us from the start, kind, name, direction, flow, offset, length, fields or words,
    latency in ns or -1, kinds of findings, messages left out in front of it].
    """

    def __init__(
        self, fields: Fields, table: np.ndarray, problems: Problems, winmx: bool = False
    ) -> None:
        self.fields, self.table, self.problems, self.winmx = fields, table, problems, winmx

    def messages(
        self, rows: np.ndarray, latency: dict[int, int], start: int, limits: Limits
    ) -> list[list[Any]]:
        """Rows for messages, which are given in their order."""
        chosen = choose(rows, self.problems.violated(rows, self.winmx), limits.rows)
        some = rows[chosen]
        left_out = np.diff(chosen, prepend=-1) - 1
        found = self.table[some]
        times = (np.maximum.accumulate(found["time"]) - start) // 1000 if len(some) else some
        toward = found["direction"] == Direction.TO_SERVER
        columns = [
            times.tolist(), [MESSAGE] * len(some), self.fields.name(some),
            toward.astype(int).tolist(), found["flow"].tolist(), found["offset"].tolist(),
            found["length"].tolist(), self.fields.words(some, limits.text),
            [latency.get(row, -1) for row in some.tolist()],
            self.problems.of(some, self.winmx), left_out.tolist(),
        ]  # fmt: skip
        return [list(row) for row in zip(*columns)]


def troubles(faults: Any, gaps: np.ndarray, start: int, limits: Limits) -> list[list[Any]]:
    """Rows for faults and gaps of the flows of a session."""
    most = max(limits.rows // 4, 5)
    out = []
    for row, line in zip(np.asarray(faults[:most]), faults[:most].text()):
        out.append(_trouble(row, FAULT, line.partition(": ")[2], start))
    return out + [_trouble(row, GAP, gap_words(row), start) for row in gaps[:most]]


def _trouble(row: Any, kind: int, words: str, start: int) -> list[Any]:
    toward = int(row["direction"] == Direction.TO_SERVER)
    when = max((int(row["time"]) - start) // 1000, 0)
    place = int(row["flow"]), int(row["offset"]), int(row["length"])
    return [when, kind, -1, toward, *place, words, -1, [], 0]


def data_runs(capture: Any, session: Any, start: int) -> Iterator[list[Any]]:
    """A row for each header and each start of playback: its Data packets together."""
    data = capture.data
    for entry in session.entries:
        runs = [("Data (header)", entry.header)]
        runs += [("Data", segment.rows) for segment in entry.segments]
        for name, rows in runs:
            if not len(rows):
                continue
            times, places = data["time"][rows], data["location_id"][rows]
            size, first = int(data["length"][rows].sum()), int(rows[np.argmin(times)])
            seconds = (int(times.max()) - int(times.min())) / 1e9
            words = (
                f"{MARK}packets={len(rows)}{MARK}bytes={size}{MARK}over={seconds:.6g} s"
                f"{MARK}location_id={int(places.min())} to {int(places.max())}"
            )
            yield [
                (int(times.min()) - start) // 1000, DATA, name, 0, int(data["flow"][first]),
                int(data["offset"][first]), size, words, -1, [], 0,
            ]  # fmt: skip
