"""Everything of a flow with its place: rows, faults, gaps, handshakes, and what is none of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from mmscodec.capture import GAP_REASONS
from mmscodec.capture.frames import Frames
from mmscodec.explain import mms, why, winmx
from mmscodec.explain.model import Explanation
from mmscodec.lines.fields import Style
from mmscodec.schema.faults import FAULT_SECTIONS, FaultCode
from mmscodec.schema.vocabulary import DIRECTIONS
from mmscodec.schema.winmx import packet_of, title

_LOOK = 65536 + 64  # bytes behind a fault that judgements look at
_CLIENT = 1


class _Stretch(NamedTuple):
    """A thing: bytes `start` to `end` of a flow, what it is, and its row in the table of that."""

    start: int
    end: int
    kind: str
    row: int


class Things:
    """What a capture holds, by place."""

    def __init__(self, capture: Any, style: Style) -> None:
        self.capture, self.style = capture, style
        self._of: dict[int, list[_Stretch]] = {}
        self._findings: tuple[np.ndarray, list[str]] | None = None

    def of_flow(self, flow: int, at: int | None) -> Iterator[Explanation]:
        """All things of a flow, or those at an offset."""
        capture = self.capture
        if not 0 <= flow < len(capture.flows):
            raise IndexError(f"there is no flow {flow}: the capture has {len(capture.flows)}")
        size = int(capture.flows["length"][flow])
        if at is None:
            yield from self._between(flow, 0, size)
            return
        if not 0 <= at < size:
            raise IndexError(f"flow {flow} has {size} bytes: none at {at}")
        yield from self._between(flow, at, at + 1)

    def of_frame(self, frames: Frames, row: int, at: int | None) -> Iterator[Explanation]:
        """All things with bytes in a frame, or those at a position."""
        record = frames.rows[row]
        found = frames.stretches(row)
        position = int(record["position"])
        if at is not None:
            found = self._at_position(frames, row, at, found)
        if found:
            for flow, start, end in found:
                yield from self._between(flow, start, end)
            return
        raw = bytes(self.capture._held(position, min(int(record["caplen"]), 256)))
        yield Explanation(
            "unread", f"frame {row + 1}", -1, position, int(record["caplen"]),
            time=int(record["time"]), raw=raw,
            reasons=["no byte of it is one of a flow: it has no payload, its payload came before "
                     "in another frame, or the place asked for is in its headers"],
        )  # fmt: skip

    def _at_position(
        self, frames: Frames, row: int, at: int, found: list[tuple[int, int, int]]
    ) -> list[tuple[int, int, int]]:
        out = []
        for flow, start, end in found:
            extents = self.capture._extents(flow)
            index = int(np.searchsorted(extents["offset"], start, "right")) - 1
            offset = at - int(extents["place"][index]) + int(extents["offset"][index])
            if start <= offset < end:
                out.append((flow, offset, offset + 1))
        return out

    def of_file(self, position: int) -> Iterator[Explanation]:
        """A place that is in no frame: faults of the file, or headers of records."""
        faults = self.capture.faults
        rows = np.asarray(faults)
        inside = (rows["flow"] < 0) & (rows["offset"] <= position)
        inside &= position < rows["offset"] + np.maximum(rows["length"], 1)
        for row in np.flatnonzero(inside).tolist():
            yield self._fault(row)
        if not inside.any():
            yield Explanation(
                "unread", "the file", -1, position, 1,
                reasons=["no frame is here: this is a header of the file or of a record, or behind "
                         "the end"],
            )  # fmt: skip

    def _between(self, flow: int, start: int, end: int) -> Iterator[Explanation]:
        covered = start
        for thing in self._stretches(flow):
            if thing.end <= start or thing.start >= end:
                continue
            if thing.start > covered:
                yield self._unread(flow, covered, thing.start)
            yield self._explained(flow, thing)
            covered = max(covered, thing.end)
        if covered < end:
            yield self._unread(flow, covered, end)

    def _stretches(self, flow: int) -> list[_Stretch]:
        if flow in self._of:
            return self._of[flow]
        capture, out = self.capture, []
        is_winmx = capture.flows["protocol"][flow] == "winmx"
        tables = [("data", capture.data), ("packet", capture.packets)]
        if capture.flows["transport"][flow] == "udp":
            tables[1] = ("datagram", capture.messages)
        if is_winmx:
            tables = [("winmx", capture.winmx.packets)]
            out += self._handshakes(flow)
        for kind, table in (*tables, ("fault", np.asarray(capture.faults)), ("gap", capture.gaps)):
            for row in np.flatnonzero(table["flow"] == flow).tolist():
                start, size = int(table["offset"][row]), int(table["length"][row])
                out.append(_Stretch(start, start + max(size, 1), kind, row))
        self._of[flow] = sorted(out)
        return self._of[flow]

    def _handshakes(self, flow: int) -> list[_Stretch]:
        link = self.capture.winmx.links.get(flow, "")
        if link not in ("secondary", "chat", "primary"):
            return []
        if self.capture.flows["direction"][flow] == "C>S":
            return [_Stretch(0, 16, "handshake", 0)]
        return [_Stretch(0, 1, "handshake", 0), _Stretch(1, 17, "handshake", 0)]

    def _explained(self, flow: int, thing: _Stretch) -> Explanation:
        if thing.kind == "fault":
            return self._fault(thing.row)
        raw = bytes(self.capture.read(flow, thing.start, thing.end - thing.start))
        made = Explanation(
            thing.kind, "", flow, thing.start, thing.end - thing.start, raw=raw, who=self.who(flow)
        )
        if thing.kind == "gap":
            row = self.capture.gaps[thing.row]
            made.title, made.raw, made.time = "missing bytes", b"", int(row["time"])
            made.reasons = [GAP_REASONS.get(int(row["reason"]), "not captured")]
            return made
        if thing.kind == "handshake":
            made.title = "greeting" if thing.end - thing.start == 1 else "key block"
            winmx.handshake(made, self.capture.winmx.links[flow])
            return made
        if thing.kind == "winmx":
            self._winmx(made, thing)
        else:
            table = {"packet": self.capture.packets, "data": self.capture.data}
            row = table.get(thing.kind, self.capture.messages)[thing.row]
            made.time = int(row["time"])
            if thing.kind == "data":
                mms.data(made, self.style, int(row["kind"]))
            elif thing.kind == "packet":
                mms.packet(made, self.style)
            else:
                mms.datagram(made, self.style)
        self._add_findings(made)
        return made

    def _winmx(self, made: Explanation, thing: _Stretch) -> None:
        found = self.capture.winmx
        row, first = found.packets[thing.row], 0
        for _, batch in found.batches:
            if thing.row < first + len(batch.packets):
                break
            first += len(batch.packets)
        known = packet_of(batch.link, int(row["type"]), batch.direction)
        made.title = known.name if known else title(batch.link, int(row["type"]), batch.direction)
        made.title += f", {batch.link or 'secondary'} link"
        made.time = int(row["time"])
        winmx.frame(made, batch, thing.row - first, self.style)

    def _add_findings(self, made: Explanation) -> None:
        if self._findings is None:
            found = self.capture.findings
            self._findings = np.asarray(found), found.text()
        rows, texts = self._findings
        end = made.offset + made.length
        mine = (
            (rows["flow"] == made.flow) & (rows["offset"] >= made.offset) & (rows["offset"] < end)
        )
        for row in np.flatnonzero(mine).tolist():
            words = texts[row].partition(": ")[2]
            place = int(rows["offset"][row]) - made.offset
            exact = [
                part for part in made.parts
                if part.offset == place and f".{part.name} " in words.replace(":", " ")
            ]  # fmt: skip
            if exact:
                exact[0].findings.append(words)
            else:
                made.reasons.append(words)

    def _fault(self, number: int) -> Explanation:
        row = np.asarray(self.capture.faults)[number]
        flow, offset, length = int(row["flow"]), int(row["offset"]), int(row["length"])
        code, need, have = int(row["code"]), int(row["need"]), int(row["have"])
        made = Explanation(
            "fault", "bytes that are not believed", flow, offset, length,
            FAULT_SECTIONS.get(code, ""), time=int(row["time"]) or None,
            reasons=why.words(code, int(row["field"]), need, have),
        )  # fmt: skip
        if flow < 0:
            made.who = "{} 0x{:x}".format(*self.capture.file_of(offset)) if offset >= 0 else ""
            return made
        made.who = self.who(flow)
        made.raw = self._known(flow, offset, max(length, 16))[: max(length, 16)]
        if code == FaultCode.BAD_KEY_BLOCK and len(made.raw) >= 16:
            made.checks = winmx.key_checks(made.raw[:16])
        if code in (
            FaultCode.UNKNOWN_STRUCTURE, FaultCode.BAD_SEAL, FaultCode.BAD_MESSAGE_LENGTH,
            FaultCode.BAD_PACKET_SIZE, FaultCode.TOO_LONG,
        ) and self.capture.flows["protocol"][flow] == "mms":  # fmt: skip
            made.checks = why.header_checks(
                self._known(flow, offset, _LOOK), last=self._last_data(flow, offset),
                client=self.capture.flows["direction"][flow] == DIRECTIONS[_CLIENT],
            )  # fmt: skip
        self._say_what_follows(made)
        return made

    def _say_what_follows(self, made: Explanation) -> None:
        """Holes before it, and where reading went on."""
        for gap in self.capture.gaps[self.capture.gaps["flow"] == made.flow]:
            at, size = int(gap["offset"]), int(gap["length"])
            if at <= made.offset + made.length and at + size >= made.offset - 64:
                why_not = GAP_REASONS.get(int(gap["reason"]), "not captured")
                made.reasons.append(f"{size} bytes at 0x{at:x} are missing: {why_not}")
        end = made.offset + made.length
        good = ("data", "packet", "datagram", "winmx")
        behind = [s for s in self._stretches(made.flow) if s.kind in good and s.start >= end]
        if behind:
            words = f"the next header that is believed stands at 0x{behind[0].start:x}"
            made.reasons.append(f"{words}, {behind[0].start - made.offset} bytes on")
        elif made.length:
            made.reasons.append("no header that is believed stands behind it")

    def _known(self, flow: int, offset: int, size: int) -> bytes:
        end = min(offset + size, int(self.capture.flows["length"][flow]))
        return bytes(self.capture.read(flow, offset, max(end - offset, 0)))

    def _last_data(self, flow: int, offset: int) -> tuple[int, int] | None:
        rows = self.capture.data
        rows = rows[(rows["flow"] == flow) & (rows["offset"] < offset)]
        if not len(rows):
            return None
        row = rows[int(rows["offset"].argmax())]
        return int(row["location_id"]), int(row["play_incarnation"])

    def _unread(self, flow: int, start: int, end: int) -> Explanation:
        protocol = self.capture.flows["protocol"][flow]
        words = "nothing interpreted these bytes"
        if not protocol:
            words = "the flow is neither MMS nor WinMX"
        raw = bytes(self.capture.read(flow, start, min(end - start, 4096)))
        return Explanation(
            "unread", "bytes of no row", flow, start, end - start, raw=raw, who=self.who(flow),
            reasons=[words],
        )  # fmt: skip

    def who(self, flow: int) -> str:
        """A flow in words."""
        row = self.capture.flows[flow]
        ends = [
            f"[{row[side]}]:{row[side + '_port']}" if ":" in row[side]
            else f"{row[side]}:{row[side + '_port']}" for side in ("src", "dst")
        ]  # fmt: skip
        words = f"{row['transport']} {row['protocol']} {row['direction']}"
        return f"flow {flow}  {ends[0]} > {ends[1]}  {words}".rstrip()
