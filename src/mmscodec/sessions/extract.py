"""`cap.write_asf`: the media of a session as ASF files."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mmscodec.asf._write import PacketWriter
from mmscodec.asf.header import DATA_OBJECT_START, AsfHeader, describe
from mmscodec.asf.plan import Plan, plan_packets
from mmscodec.asf.write import AsfFile, write_file
from mmscodec.errors import LimitError, MmsCodecError, TruncatedError
from mmscodec.sessions.control import Control
from mmscodec.sessions.entries import Entry, Segment
from mmscodec.sessions.epochs import epochs_of
from mmscodec.sessions.headers import header_bytes
from mmscodec.sessions.loss import first_place
from mmscodec.sessions.session import Session

MAX_PACKET = 0xFFFF  # PacketSize has two bytes, so no server can have longer ones


def write_asf(
    cap: Any,
    session: Session,
    path: str | os.PathLike[str],
    *,
    missing: str = "leave",
    segments: str = "merge",
    entry: int | None = None,
    header: bytes | None = None,
    max_fill: int = 1 << 30,
    progress: Callable[[int], Any] | None = None,
) -> list[AsfFile]:
    """Write the media of a session; see `mmscodec.capture.Capture.write_asf`."""
    if missing not in ("leave", "fill"):
        raise ValueError(f"missing is 'leave' or 'fill', not {missing!r}")
    if segments not in ("merge", "split"):
        raise ValueError(f"segments is 'merge' or 'split', not {segments!r}")
    numbers = range(len(session.entries)) if entry is None else [entry]
    options = {"missing": missing, "max_fill": max_fill, "progress": progress}
    out: list[AsfFile] = []
    used: set[Path] = set()
    for number in numbers:
        one = session.entries[number]
        if not len(one.header) and not one.segments:
            continue
        groups = [(-1, one.rows)]
        if segments == "split" and len(one.segments) > 1:
            groups = [(i, segment.rows) for i, segment in enumerate(one.segments)]
        for segment, rows in groups:
            try:
                made = _write(cap, session, one, rows, _name(path, used), header, options)
            except MmsCodecError as error:
                made = AsfFile(problems=[str(error)])
            made.entry, made.segment = number, segment
            if made.path is not None:
                used.add(made.path)
            out.append(made)
    if out and all(item.path is None for item in out):
        raise TruncatedError(f"session {session.index}: {out[0].problems[0]}")
    return out


def _name(path: Any, used: set[Path]) -> Path:
    # name.asf, name-2.asf, ...
    first = Path(os.fspath(path))
    number = len(used) + 1
    return first if number == 1 else first.with_name(f"{first.stem}-{number}{first.suffix}")


def _packet_size_of(entry: Entry, described: AsfHeader, lengths: np.ndarray) -> int:
    """Size of the ASF data packets: as the header says, else as ReportOpenFile or StreamChange.

    Where most packets are longer than that, it is wrong, and that of the longest is taken.
    """
    longest = int(lengths.max(initial=0))
    sizes = (described.packet_size, entry.packet_size, described.max_packet_size, longest)
    size = next((size for size in sizes if 0 < size <= MAX_PACKET), 0)
    return longest if int((lengths > size).sum()) * 2 > len(lengths) else size


def _plan_entry(
    cap: Any, rows: np.ndarray, epoch: np.ndarray, packet_size: int, live: bool, fill: bool,
    max_fill: int,
) -> tuple[Plan, list[int]]:  # fmt: skip
    """Order of the packets in `rows` (of `cap.data`), and the flows that `source` numbers."""
    data = cap.data
    of = data["flow"][rows]
    if (of == of[:1]).all():
        flows, source = of[:1], np.zeros(len(of), np.int64)
    else:
        flows, source = np.unique(of, return_inverse=True)
    plan = plan_packets(
        data["location_id"][rows], data["offset"][rows] + 8,
        data["length"][rows].astype(np.int64) - 8, source,
        packet_size=packet_size, base=None if live else 0,
        max_fill=max_fill if fill else None, epoch=epoch,
    )  # fmt: skip
    return plan, flows.tolist()


def _write(
    cap: Any, session: Session, entry: Entry, rows: np.ndarray, path: Path, given: bytes | None,
    options: dict[str, Any],
) -> AsfFile:  # fmt: skip
    head = bytes(given) if given is not None else header_bytes(cap, entry)
    described = describe(head)
    lengths = cap.data["length"][rows].astype(np.int64) - 8
    size = _packet_size_of(entry, described, lengths)
    if size <= 0:
        raise TruncatedError("neither its header nor the server says how long its packets are")
    live = described.broadcast or entry.live
    epoch = epochs_of(entry, cap.data, live)[np.isin(entry.rows, rows)]
    plan, flows = _plan_entry(
        cap, rows, epoch, size, live, options["missing"] == "fill", options["max_fill"]
    )
    padding = int((size - plan.rows["length"].astype(np.int64)).sum())
    if padding > options["max_fill"]:
        raise LimitError(
            f"{padding} bytes of padding are needed, more than max_fill = {options['max_fill']}",
            need=padding, have=options["max_fill"],
        )  # fmt: skip
    extents, buffers = cap._places(flows)
    writer = PacketWriter(extents, buffers, size)
    made = write_file(path, head, described, plan, writer, progress=options["progress"])
    made.conflicts = _differing(cap, rows, plan.copies)
    made.duplicates = len(plan.copies) - made.conflicts
    made.problems += _problems(entry, head, described, size, plan, made)
    arrival = live or plan.in_order_of_arrival
    made.skipped = _skipped(plan.missing, entry, cap, arrival, session.ends.control)
    made.complete &= not made.conflicts
    return made


def _differing(cap: Any, rows: np.ndarray, copies: np.ndarray) -> int:
    # how many packets that were left out have other bytes than the one with their LocationId
    pairs = zip(rows[copies[:, 0]].tolist(), rows[copies[:, 1]].tolist())
    return sum(bytes(cap.payload(one)) != bytes(cap.payload(other)) for one, other in pairs)


def _start_of(segment: Segment, control: Control | None) -> Any:
    names = ("LinkViewerToMacStartPlaying", "LinkViewerToMacStartStriding")
    records = (control.record(name, segment.request) for name in names) if control else ()
    return next((record for record in records if record is not None), None)


def _skipped(
    missing: np.ndarray, entry: Entry, cap: Any, live: bool, control: Control | None
) -> int:
    """Packets in holes that no start of playback came by: a seek went past them.

    Only a start that was captured tells: what lies in front of the packets of another one may have
    been played before the capture began. A start at a place that it names (or at 0) lost what is
    missing from there on.
    """
    if not len(missing) or live:
        return 0
    spans = []
    for segment in entry.segments:
        places = cap.data["location_id"][segment.rows].astype(np.int64)
        first, asked = int(places.min()), first_place(_start_of(segment, control))
        spans.append((first, int(places.max()), segment.request, asked))
    begin, end = [], []
    latest = -1
    for first, last, request, asked in sorted(spans):
        if request < 0:
            first = min(first, latest + 1)
        elif asked >= 0:
            first = min(first, asked)
        latest = max(latest, last)
        begin.append(first)
        end.append(last)
    order = np.argsort(begin, kind="stable")
    begins = np.array(begin, np.int64)[order]
    ends = np.maximum.accumulate(np.array(end, np.int64)[order])
    before = np.searchsorted(begins, missing[:, 0], "right") - 1
    inside = (before >= 0) & (ends[np.maximum(before, 0)] > missing[:, 0])
    return int(missing[~inside, 1].sum())


def _problems(
    entry: Entry, head: bytes, described: AsfHeader, size: int, plan: Plan, made: AsfFile
) -> list[str]:
    out = [f"header: {words}, at {at}" for at, words in described.problems]
    if entry.header_size and entry.header_size != len(head):
        out.append(f"header of {len(head)} bytes, {entry.header_size} were announced")
    if len(head) < described.size + DATA_OBJECT_START:
        out.append("the start of the Data Object did not come and was made up")
    if entry.packet_size and entry.packet_size != size == described.packet_size:
        out.append(f"packets of {size} bytes by the header, of {entry.packet_size} by the server")
    if plan.in_order_of_arrival:
        out.append("LocationIds begin again: packets stand in the order of their arrival")
    if described.packet_size and described.packet_size < size:
        out.append(f"most packets are longer than the {described.packet_size} bytes of the header")
    if made.conflicts:
        out.append(f"{made.conflicts} packets differ from others of the same LocationId, left out")
    if not made.packets - made.filled:
        out.append("no media came")
    return out
