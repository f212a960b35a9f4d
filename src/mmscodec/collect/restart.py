"""How a file or folder is taken up again: read anew up to where it was, or from there on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from mmscodec.capture.follow import FilePart, Follow, places
from mmscodec.collect.state import State

_PCAP = 16  # bytes of the header of a record
_MAGICS = {
    b"\xd4\xc3\xb2\xa1": "little", b"\x4d\x3c\xb2\xa1": "little",
    b"\xa1\xb2\xc3\xd4": "big", b"\xa1\xb2\x3c\x4d": "big",
}  # fmt: skip


@dataclass
class Start:
    """How a run begins.

    Attributes
    ----------
    state : State
        Of the run: an earlier one that goes on, or a new one.
    again : list of FilePart
        Files that are read first.
    left : dict
        Files that are not read, and when they were written last.
    how : str
        For the log.
    """

    state: State
    again: list[FilePart] = field(default_factory=list)
    left: dict[tuple[int, int], int] = field(default_factory=dict)
    how: str = "from the beginning"


def start(state: State, source: str) -> Start:
    """How an input that can be read again is taken up.

    The files of a run that was not ended are read again from its beginning, and rows that are
    written are left out, so that nothing is lost and nothing comes twice. Where files are gone, or
    the run was ended, a new run begins behind the last record whose rows are written.
    """
    fresh = State(run=state.run + 1, source=source, ended=False)
    if state.source != source or not state.files:
        return Start(fresh)
    path = Path(source)
    known = places(path)
    if not state.ended and not state.forgotten and _all_there(state.files, known):
        going_on = replace(state, pending=[])
        again = [replace(part) for part in state.files]
        return Start(going_on, again, how="its files are read again")
    # the file of the last record; those behind it were begun, but nothing of them is written
    last = max((part for part in state.files if part.start <= state.record),
               key=lambda part: part.start, default=state.files[0])  # fmt: skip
    left = {
        part.identity: part.written
        for part in state.files
        if part.written is not None and part.start < last.start
    }
    if last.identity not in known:
        return Start(fresh, left=left, how="with the files that were not read")
    begin = _behind(known[last.identity][0], last, state.record)
    return Start(fresh, [FilePart(last.identity, 0, begin)], left, "behind what is written")


def _all_there(files: list[FilePart], known: dict) -> bool:
    if len({part.identity for part in files}) < len(files):
        return False  # one of them was begun anew
    for part in files:
        if part.identity not in known:
            return False
        about = known[part.identity][0].stat()
        if part.written is not None and about.st_mtime_ns != part.written:
            return False
    return True


def _behind(path: Path, part: FilePart, record: int) -> int:
    """`begin` of a stream that goes on behind a record; of pcapng it begins with the file."""
    place = part.begin + record - part.start
    with path.open("rb") as file:
        head = file.read(4)
        order = _MAGICS.get(head)
        if order is None or record < part.start or place < 24 + _PCAP:
            return 0
        file.seek(place - _PCAP + 8)
        size = int.from_bytes(file.read(4), order)  # type: ignore[arg-type]
    return place + size - 24


def followed(source: str, begin: Start, idle: float) -> Follow:
    """The stream."""
    return Follow(source, idle or None, begin.again, begin.left)
