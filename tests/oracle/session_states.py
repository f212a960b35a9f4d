"""The states of both sides over time (spec sections 10.3, 10.4), an object each: the oracle."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from mmscodec.sessions.control import MID, Message
from mmscodec.sessions.states import CLIENT, CLOSED, INIT, NONE, READY, SERVER, STREAMING

BROADCAST = 0x02000000

_STARTED = (
    MID["LinkMacToViewerReportStartedPlaying"],
    MID["LinkMacToViewerReportStartStriding"],
)
_END = MID["LinkMacToViewerReportEndOfStream"]
_STOP = MID["LinkViewerToMacStopPlaying"]
_CHANGE = MID["LinkMacToViewerReportStreamChange"]


class Playback(NamedTuple):
    """A start of playback: its tag, and time and row of its first Data packet."""

    tag: int
    first_time: int
    first_row: int


class _Side:
    def __init__(self, session: int, side: int, out: list[tuple]) -> None:
        self.key = session, side
        self.state = NONE
        self.out = out

    def to(self, state: int, time: int, message: int = -1, data: int = -1) -> None:
        if self.state == state or (self.state == CLOSED and state != INIT):
            return
        self.out.append((*self.key, self.state, state, time, message, data))
        self.state = state


class _Sides:
    """Both sides, and what is asked and not answered yet."""

    def __init__(
        self, session: int, messages: list[Message], server_major: int, attributes: int, udp: bool
    ) -> None:
        self.out: list[tuple] = []
        self.client = _Side(session, CLIENT, self.out)
        self.server = _Side(session, SERVER, self.out)
        self.server_major, self.attributes, self.udp = server_major, attributes, udp
        self.stopping = 0  # StopPlaying whose EndOfStream has not come
        self.answered = _answered(messages)
        self.goes_on = set() if udp else _followed(messages)
        self.confirmed = {m.tag for m in messages if m.mid in _STARTED and m.ok}

    def take(self, message: Message) -> None:
        reader = _READERS.get(message.mid)
        if reader is not None:
            reader(self, message, message.time, message.row)

    def connect(self, message: Message, time: int, row: int) -> None:
        self.client.to(INIT, time, row)
        self.server.to(INIT, time, row)

    def start(self, message: Message, time: int, row: int) -> None:
        self.server.to(STREAMING, time, row)

    def started(self, message: Message, time: int, row: int) -> None:
        if message.ok:
            self.server.to(STREAMING, time, row)
            self.client.to(STREAMING, time, row)
        else:
            self.server.to(READY, time, row)  # the request was refused

    def stop(self, message: Message, time: int, row: int) -> None:
        # the server sends Data until the request has reached it, which its answer shows
        self.stopping += 1
        if message.row not in self.answered:
            self.server.to(READY, time, row)

    def end_of_stream(self, message: Message, time: int, row: int) -> None:
        stopped = self.stopping > 0 and message.hr == 0
        if message.row in self.goes_on and not stopped:
            return  # the next entry of a playlist comes by itself
        if message.hr != 1:
            self.server.to(READY, time, row)
        if stopped or self._ends(message.hr):
            self.client.to(READY, time, row)
        self.stopping -= stopped

    def _ends(self, hr: int) -> bool:
        # 3.1.5.18
        if self.server_major >= 9:
            return hr != 1
        return hr != 0 or not self.attributes & BROADCAST

    def stream_change(self, message: Message, time: int, row: int) -> None:
        if self.udp:
            self.server.to(READY, time, row)

    def redirect(self, message: Message, time: int, row: int) -> None:
        self.client.to(INIT, time, row)
        self.server.to(CLOSED, time, row)

    def close(self, message: Message, time: int, row: int) -> None:
        self.client.to(CLOSED, time, row)
        self.server.to(CLOSED, time, row)

    def header(self, time: int, row: int) -> None:
        """The last fragment of a header."""
        for side in (self.client, self.server):
            if side.state in (NONE, INIT):
                side.to(READY, time, data=row)

    def begins(self, tag: int, time: int, row: int) -> None:
        """The first packet of a start: evidence where its messages were not captured."""
        self.server.to(STREAMING, time, data=row)
        if self.client.state == NONE or tag not in self.confirmed:
            self.client.to(STREAMING, time, data=row)


_READERS: dict[int, Callable[[_Sides, Message, int, int], None]] = {
    MID["LinkViewerToMacConnect"]: _Sides.connect,
    MID["LinkViewerToMacStartPlaying"]: _Sides.start,
    MID["LinkViewerToMacStartStriding"]: _Sides.start,
    MID["LinkMacToViewerReportStartedPlaying"]: _Sides.started,
    MID["LinkMacToViewerReportStartStriding"]: _Sides.started,
    _STOP: _Sides.stop,
    _END: _Sides.end_of_stream,
    _CHANGE: _Sides.stream_change,
    MID["LinkMacToViewerReportRedirect"]: _Sides.redirect,
    MID["LinkViewerToMacCloseFile"]: _Sides.close,
}


def transitions(
    session: int,
    messages: list[Message],
    headers: list[tuple[int, int]],
    *,
    playbacks: list[Playback] | None = None,
    server_major: int = 0,
    attributes: int = 0,
    udp: bool = False,
    ended: int = -1,
) -> list[tuple]:
    """Rows of `TRANSITIONS` of one session.

    Parameters
    ----------
    messages : list of Message
        In causal order.
    headers : list of (int, int)
        Time and row in `data` of the last fragment of each complete header.
    playbacks : list of Playback, optional
        Starts of playback, whether their messages were captured or not.
    server_major : int
        Major version of the server, which decides what an EndOfStream means.
    attributes : int
        fileAttributes.
    udp : bool
        Data came over UDP, so that a playlist change stops the server.
    ended : int
        Time of the end of the TCP connection, -1 if it was not seen.
    """
    sides = _Sides(session, messages, server_major, attributes, udp)
    waiting = [(time, row, -1) for time, row in headers]
    waiting += [(one.first_time, one.first_row, one.tag) for one in playbacks or ()]
    waiting.sort(reverse=True)
    for message in messages:
        while waiting and waiting[-1][0] <= message.time:
            _data(sides, *waiting.pop())
        sides.take(message)
    while waiting:
        _data(sides, *waiting.pop())
    if ended >= 0:
        sides.client.to(CLOSED, ended)
        sides.server.to(CLOSED, ended)
    return sides.out


def _data(sides: _Sides, time: int, row: int, tag: int) -> None:
    if tag < 0:
        sides.header(time, row)
    else:
        sides.begins(tag, time, row)


def _answered(messages: list[Message]) -> set[int]:
    # rows of the StopPlaying that an EndOfStream answers, and so says when the server stopped
    waiting: list[int] = []
    out: set[int] = set()
    for message in messages:
        if message.mid == _STOP:
            waiting.append(message.row)
        elif message.mid == _END and message.hr == 0 and waiting:
            out.add(waiting.pop(0))
    return out


def _followed(messages: list[Message]) -> set[int]:
    # rows of the EndOfStream behind which a StreamChange is the next thing that the server says
    out: set[int] = set()
    last = -1
    for message in messages:
        if message.client:
            continue
        if message.mid == _CHANGE and last >= 0:
            out.add(last)
        last = message.row if message.mid == _END else -1
    return out
