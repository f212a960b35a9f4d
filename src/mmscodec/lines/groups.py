"""Rows of a capture in groups that are put into words alike: a kind of message, of fault, ..."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mmscodec.capture import GAP_REASONS
from mmscodec.frozen import Frozen
from mmscodec.lines.sources import MmsFields
from mmscodec.schema import faults, mms
from mmscodec.schema.fields import Struct
from mmscodec.schema.vocabulary import DIRECTIONS

if TYPE_CHECKING:
    from mmscodec.schema.findings import Severity

_DATA_NAMES = {0: "Data", 1: "Data (header)", 2: "Data (packet-pair)"}
#: Columns that all rows have.
ALL = ("time", "flow", "offset", "length", "direction")
_DATA = ("location_id", "play_incarnation", "af_flags")
_FAULT = ("code", "field", "offset", "length", "need", "have")


class Words(Frozen):
    """A text for each row: one for all, or some and which of them each row has."""

    texts: list[str]
    index: np.ndarray | None = None


_NO_NUMBERS: Mapping[str, np.ndarray] = {}


class Group(Frozen):
    """Rows that have the same fields.

    Attributes
    ----------
    kind : str
        "message", "data", "fault", "gap" or "finding".
    rows : numpy.ndarray
        Their time, flow, offset, length and direction.
    name, way : Words
        What it is, and who sent it.
    struct : Struct or None
    source : MmsFields or WinmxFields or None
        The fields, one row each; None where there are none.
    numbers : dict
        Columns of numbers instead of the fields of a structure.
    words : Words or None
        What there is to say, of what is no message.
    """

    kind: str
    rows: np.ndarray
    name: Words
    way: Words
    struct: Struct | None = None
    source: Any = None
    numbers: Mapping[str, np.ndarray] = _NO_NUMBERS
    words: Words | None = None


def ways(rows: np.ndarray) -> Words:
    """Who sent rows, from their column `direction`."""
    return Words(list(DIRECTIONS.values()), rows["direction"].astype(np.int64))


def struct_of(mid: int) -> Struct | None:
    """The structure of a message row."""
    return mms.RESEND if mid == mms.RESEND_SIGNATURE else mms.BY_MID.get(mid)


def messages(tables: Any) -> Iterator[Group]:
    """A group for each kind, and one for those that are too short for their fields."""
    rows = np.asarray(tables.messages)
    mids = np.ascontiguousarray(rows["mid"])
    for mid, count in zip(*(part.tolist() for part in np.unique(mids, return_counts=True))):
        struct, name = struct_of(mid), Words([mms.message_name(mid)])
        whole = np.zeros(0, np.int64)
        if struct is not None:
            whole = tables.rows(struct.name)
            if len(whole):
                source = MmsFields(tables, struct)
                found = rows[whole]
                yield Group("message", found, name, ways(found), struct, source)
        if len(whole) < count:
            mine = np.setdiff1d(np.flatnonzero(mids == mid), whole)
            yield Group("message", rows[mine], name, ways(rows[mine]), struct)


def data(tables: Any) -> Iterator[Group]:
    """Data packets."""
    rows = np.asarray(tables.data)
    if len(rows):
        kinds = np.where(rows["kind"] < 3, rows["kind"], 0).astype(np.int64)
        name = Words(list(_DATA_NAMES.values()), kinds)
        order = [item.python_name for item in mms.DATA_PACKET.fields]
        numbers = {key: rows[key] for key in sorted(_DATA, key=order.index)}
        yield Group("data", rows, name, ways(rows), mms.DATA_PACKET, numbers=numbers)


def damage(tables: Any) -> Iterator[Group]:
    """Faults."""
    rows = np.asarray(tables.faults)
    if len(rows):
        columns = (rows[key].tolist() for key in _FAULT)
        cited = (rows["flow"] >= 0).tolist()
        texts = [faults.text(*row, cited=there) for *row, there in zip(*columns, cited)]
        yield _worded("fault", rows, "fault", texts, {key: rows[key] for key in _FAULT})


def gaps(tables: Any) -> Iterator[Group]:
    """What is missing."""
    rows = np.asarray(tables.gaps)
    if len(rows):
        pairs = zip(rows["length"].tolist(), rows["reason"].tolist())
        texts = [f"{size} bytes missing: {GAP_REASONS.get(why, '')}" for size, why in pairs]
        yield _worded("gap", rows, "gap", texts, {"reason": rows["reason"]})


def findings(tables: Any, severity: Severity) -> Iterator[Group]:
    """Rules that good rows break."""
    found = tables.findings
    found = found[found["severity"] <= severity]
    rows = np.asarray(found)
    for level in type(severity):
        mine = np.flatnonzero(rows["severity"] == level)
        if len(mine):
            name = level.name.lower()
            texts = [text.partition(f"{name} ")[2] for text in found[mine].text()]
            numbers = {key: rows[key][mine] for key in ("row", "seen", "expected")}
            taken = np.zeros(len(mine), [(key, "i8") for key in ALL])
            for key in ("time", "flow", "offset", "direction"):
                taken[key] = rows[key][mine]
            yield _worded("finding", taken, name, texts, numbers)


def _worded(kind: str, rows: Any, name: str, texts: list[str], numbers: dict[str, Any]) -> Group:
    words = Words(texts, np.arange(len(texts)))
    return Group(kind, rows, Words([name]), ways(rows), numbers=numbers, words=words)
