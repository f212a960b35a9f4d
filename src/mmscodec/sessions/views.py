"""Sessions as attributes of a capture; what makes them is imported when it is asked for."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from mmscodec.asf import AsfFile
    from mmscodec.sessions import Session, Sessions


class SessionViews:
    """MMS sessions of a capture."""

    @cached_property
    def _sessions(self) -> Sessions:
        from mmscodec.sessions import Sessions

        return Sessions(self)

    @cached_property
    def _session_rows(self) -> np.ndarray:
        from mmscodec.sessions.html import SessionRow

        table = self._sessions.table
        return table.view(np.dtype((SessionRow, table.dtype)))

    @property
    def sessions(self) -> np.ndarray:
        """One row per MMS session: flows, file, times, quality; see docs/sessions.md."""
        return self._session_rows

    @property
    def exchanges(self) -> np.ndarray:
        """Requests paired with their responses, with latency in ns."""
        return self._sessions.exchanges

    @property
    def transitions(self) -> np.ndarray:
        """States of client and server over time (spec sections 10.3 and 10.4)."""
        return self._sessions.transitions

    def session(self, i: int) -> Session:
        """Session `i` with its texts, its files and the client's own log."""
        return self._sessions[i]

    def session_column(self, name: str) -> np.ndarray:
        """A text of every session, row by row (`mmscodec.sessions.TEXTS`): an object array."""
        return self._sessions.column(name)

    def session_rates(self, i: int, seconds: float = 1.0) -> np.ndarray:
        """Received and announced bit rate of session `i` for each step of `seconds`."""
        return self._sessions.rates(i, seconds)

    def session_buffer(self, i: int) -> np.ndarray:
        """What the player's buffer of session `i` held: time and level (ns), a row a packet.

        By the send times of ASF packets and the preroll of their header; no rows where those were
        not captured. See `cap.sessions["lowest_buffer"]` and docs/sessions.md.
        """
        return self._sessions.buffer(i)

    def write_asf(
        self,
        session: int,
        path: str | os.PathLike[str],
        *,
        missing: str = "leave",
        segments: str = "merge",
        entry: int | None = None,
        header: bytes | None = None,
        max_fill: int = 1 << 30,
        progress: Callable[[int], Any] | None = None,
    ) -> list[AsfFile]:
        """Write the media of a session as ASF files, one for each playlist entry.

        Packets stand in the order of their LocationId, each once, filled up to the packet size
        with their padding length mended. A file that came whole is what was
        served, byte for byte, up to its index, which MMS does not carry; in other files the numbers
        of the header are made true.

        Parameters
        ----------
        session : int
            Row of `sessions`.
        path : path-like
            Of the first file; further entries get -2, -3, ... before the suffix. Files are
            replaced.
        missing : {"leave", "fill"}
            Leave missing packets out, or put an empty ASF packet in the place of each.
        segments : {"merge", "split"}
            One file for an entry, or one for each start of playback (seek).
        entry : int, optional
            Only this entry.
        header : bytes, optional
            An ASF header to use instead of the captured one.
        max_fill : int
            Most bytes of empty packets and of padding in one file.
        progress : callable, optional
            Called with the number of bytes written since the last call.

        Returns
        -------
        list of AsfFile
            What was written and what it lacks; an entry that could not be written has no path.

        Raises
        ------
        TruncatedError
            None of the entries could be written, as when no ASF header was captured.
        """
        from mmscodec.sessions.extract import write_asf

        return write_asf(
            self, self._sessions[session], path, missing=missing, segments=segments, entry=entry,
            header=header, max_fill=max_fill, progress=progress,
        )  # fmt: skip
