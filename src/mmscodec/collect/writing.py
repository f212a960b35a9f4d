"""The writer's side of a run: pieces into parts, parts that are finished, a disk that is full."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmscodec.collect import log
from mmscodec.collect.captured import forgotten
from mmscodec.collect.config import Settings
from mmscodec.collect.counts import Counts
from mmscodec.collect.files import Part
from mmscodec.collect.pieces import Piece
from mmscodec.collect.state import State

_AGAIN = 5.0  # seconds until a disk that was full is tried again


class Writing:
    """Writes the pieces of one run.

    Parameters
    ----------
    settings : Settings
    folder : Path
    state : State
        Of the run; `state` is always the one that was saved last.
    counts : Counts
    """

    def __init__(self, settings: Settings, folder: Path, state: State, counts: Counts) -> None:
        self.settings, self.folder, self.counts = settings, folder, counts
        self.state = state
        self._part: Part | None = None
        self._began = 0.0
        self._last: Piece | None = None
        self._broken_until = 0.0

    def take(self, piece: Piece) -> None:
        """Write some rows, and finish the part if it is large enough."""
        if not piece.tables:
            self._last = piece
            return
        if time.monotonic() < self._broken_until:
            self.dropped(piece.rows)
            return
        held = self._rows
        try:
            if self._part is None:
                self._part = self._begun()
                self._began = time.monotonic()
            self._part.write(piece.tables, piece.first)
            self._last = piece
            self.counts.part_bytes = self._part.largest
        except OSError as error:
            self._failed(error, held + piece.rows)
            return
        if self.counts.part_bytes >= self.settings.roll_bytes:
            self.finish("size")

    def _begun(self) -> Part:
        state = self.state
        return Part(self.folder, state.run, state.part, self.settings.roll_bytes)

    def due(self) -> None:
        """Finish the part if it is old enough."""
        if self._part and time.monotonic() - self._began >= self.settings.roll_seconds:
            self.finish("time")

    def finish(self, why: str, ended: bool = False) -> None:
        """The files of the part have their names."""
        last, part = self._last, self._part
        if last is None or (part is None and not ended):
            return
        state = replace(
            self.state, ended=ended, position=last.position, record=last.record, rows=last.upto,
            files=last.files, forgotten=self.state.forgotten or forgotten(last),
            pending=list(self.state.pending),
        )  # fmt: skip
        if part is None:
            part = self._begun()
            if not any(state.rows.values()):
                return  # a run without any row is none
        else:
            state.part += 1
        try:
            paths = part.finish(state, state.source)
        except OSError as error:
            if not part.safe:
                self._failed(error, self._rows)
                return
            self._taken(state, part)
            log.warning("files could not take their names yet", error=str(error))
            if self.settings.policy == "block":
                raise
            return
        self._taken(state, part)
        if not paths:
            return
        log.info(
            "part finished", why=why, run=part.run, part=part.number, files=len(paths),
            rows=sum(part.rows.values()), bytes=sum(path.stat().st_size for path in paths),
            seconds=round(time.monotonic() - self._began, 3),
        )  # fmt: skip

    def _taken(self, state: State, part: Part) -> None:
        self.state, self._part = state, None
        self.counts.rows.update(part.rows)
        self.counts.files += len(part.tables)
        self.counts.part_bytes = 0

    @property
    def _rows(self) -> int:
        return sum(self._part.rows.values()) if self._part else 0

    def _failed(self, error: OSError, rows: int) -> None:
        # what the files in hand hold is lost, but for what can be decoded again
        self.discard()
        if self.settings.policy == "block":
            log.say(40, "the part cannot be written", error=str(error), rows=rows)
            raise error
        self._broken_until = time.monotonic() + _AGAIN
        log.warning("the part cannot be written", error=str(error), rows=rows)
        self.dropped(rows)

    def dropped(self, rows: int) -> None:
        """Rows that the disk did not take."""
        self.counts.dropped["disk"] += rows

    def discard(self) -> None:
        """Take away the files in hand."""
        if self._part is not None:
            self._part.discard()
            self._part = None
        self.counts.part_bytes = 0


def nothing(*_: Any) -> None:
    """What is called where nobody listens."""
