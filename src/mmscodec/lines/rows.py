"""Everything a capture holds as one sequence in the order of time."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from mmscodec.frozen import replace
from mmscodec.lines import groups as made
from mmscodec.lines.groups import Group, Words

if TYPE_CHECKING:
    from mmscodec.schema.findings import Severity

NO_TIME = -(1 << 63)  # of a fault that belongs to no frame


class Rows:
    """Rows of all tables of a capture, or of a batch of one, by time.

    Rows of equal time stand by flow and offset, those of WinMX behind the others.

    Parameters
    ----------
    tables : Capture or CaptureTables
    severity : Severity or None
        Also findings, up to this one.

    Attributes
    ----------
    groups : list of Group
        All rows, by what they are.
    which, rows : numpy.ndarray of int64
        The sequence: the group of each row, and the row in it.
    """

    def __init__(self, tables: Any, severity: Severity | None = None) -> None:
        parts = [made.messages(tables), made.data(tables), made.damage(tables), made.gaps(tables)]
        if severity is not None:
            parts.append(made.findings(tables, severity))
        peers = bool((tables.flows["protocol"] == "winmx").any())
        if peers:
            from mmscodec.lines import winmx  # which is as much as all the rest

            parts.append(winmx.groups(tables))
        found = [(number, group) for number, part in enumerate(parts) for group in part]
        self.groups = [group for _, group in found]
        counts = [len(group.rows) for group in self.groups]
        self.which = np.repeat(np.arange(len(counts)), counts)
        self.rows = np.concatenate([np.empty(0, np.int64), *map(np.arange, counts)])
        keys = [_column(self.groups, key) for key in ("offset", "flow", "time")]
        last = len(parts) - 1 if peers else -1
        behind = np.repeat(np.array([number == last for number, _ in found], np.int64), counts)
        part = np.repeat(np.array([number for number, _ in found], np.int64), counts)
        self._take(in_order([part, keys[0], keys[1], behind, keys[2]]))

    def _take(self, chosen: np.ndarray) -> None:
        self.which, self.rows = self.which[chosen], self.rows[chosen]

    def __len__(self) -> int:
        return len(self.which)

    def column(self, name: str) -> np.ndarray:
        """time, flow, offset or length of the sequence."""
        values = _column(self.groups, name)
        starts = np.cumsum([0, *(len(group.rows) for group in self.groups)])
        return values[starts[self.which] + self.rows]

    def keep(self, wanted: np.ndarray) -> None:
        """Leave out rows: one bool each."""
        self._take(np.flatnonzero(wanted))

    def first(self, count: int | None) -> None:
        """Leave out what is behind the first `count` rows."""
        self.which, self.rows = self.which[:count], self.rows[:count]

    def known_times(self) -> np.ndarray:
        """Times of the rows that have one."""
        times = self.column("time")
        return times[times != NO_TIME]

    def seen(self) -> np.ndarray:
        """Time and flow of each row."""
        out = np.zeros(len(self), [("time", "i8"), ("flow", "i8")])
        out["time"], out["flow"] = self.column("time"), self.column("flow")
        return out

    def before_times(self) -> Rows:
        """The rows in front of the first one that has a time."""
        known = self.column("time") != NO_TIME
        return self._part(slice(0, int(known.argmax()) if known.any() else len(self)))

    def first_time(self) -> int:
        """The first time that is known."""
        return int(self.known_times()[0])

    def behind(self, count: int) -> Rows:
        """All but the first `count` rows."""
        return self._part(slice(count, None))

    def _part(self, chosen: slice) -> Rows:
        other = copy(self)
        other.which, other.rows = self.which[chosen], self.rows[chosen]
        return other

    def fold(self) -> None:
        """Data packets of a kind that follow each other in a flow become one row."""
        place = next((i for i, group in enumerate(self.groups) if group.kind == "data"), None)
        if place is None or not len(self):
            return
        group = self.groups[place]
        assert group.name.index is not None
        media = self.which == place
        row = np.where(media, self.rows, 0)
        name, flow = group.name.index[row], group.rows["flow"][row]
        again = media[1:] & media[:-1] & (name[1:] == name[:-1]) & (flow[1:] == flow[:-1])
        begins = np.flatnonzero(np.append(True, ~again))
        lengths = np.where(media, group.rows["length"][row].astype(np.int64), 0)
        sizes = np.add.reduceat(lengths, begins)
        counts = np.diff(np.append(begins, len(self)))
        self._take(begins)
        mine = self.which == place
        self.groups[place] = _folded(group, self.rows[mine], sizes[mine], counts[mine])
        self.rows[mine] = np.arange(int(mine.sum()))


def _folded(group: Group, rows: np.ndarray, sizes: np.ndarray, counts: np.ndarray) -> Group:
    assert group.name.index is not None
    kept = group.rows[rows]
    taken = np.zeros(len(rows), [(key, "i8") for key in made.ALL])
    for key in ("time", "flow", "offset", "direction"):
        taken[key] = kept[key]
    taken["length"] = sizes
    names = [
        group.name.texts[kind] + (f" x {count}" if count > 1 else "")
        for kind, count in zip(group.name.index[rows].tolist(), counts.tolist())
    ]
    numbers = {key: values[rows] for key, values in group.numbers.items()}
    return replace(
        group,
        rows=taken,
        way=made.ways(taken),
        numbers=numbers,
        name=Words(names, np.arange(len(names))),
    )


def _column(groups: list[Group], name: str) -> np.ndarray:
    parts = [group.rows[name].astype(np.int64) for group in groups]
    return np.concatenate([np.empty(0, np.int64), *parts])


def in_order(keys: list[np.ndarray]) -> np.ndarray:
    """As `numpy.lexsort`, the last key first, but quick where rows of equal time are in order."""
    time = keys[-1]
    order = np.argsort(time, kind="stable")
    if len(order) < 2:
        return order
    undecided = time[order][1:] == time[order][:-1]
    wrong = np.zeros(len(order) - 1, bool)
    for key in reversed(keys[:-1]):
        sorted_ = key[order]
        wrong |= undecided & (sorted_[1:] < sorted_[:-1])
        undecided &= sorted_[1:] == sorted_[:-1]
    return np.lexsort(keys) if wrong.any() else order
