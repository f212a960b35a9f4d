"""The states of both sides over time: spec sections 10.3, 10.4, as far as a capture shows."""

from __future__ import annotations

from mmscodec.schema.dtypes import table
from mmscodec.sessions.control import MID, Message

#: Rows of `cap.transitions`.
TRANSITIONS = table(
    40, session=("i4", 0), side=("u1", 4), before=("u1", 5), after=("u1", 6), time=("i8", 8),
    message=("i8", 16), data=("i8", 24),
)  # fmt: skip

NONE, INIT, READY, STREAMING, CLOSED = range(5)
#: Meaning of `transitions["before"]` and `["after"]`.
STATES = {NONE: "-", INIT: "INIT", READY: "READY", STREAMING: "STREAMING", CLOSED: "CLOSED"}
CLIENT, SERVER = 0, 1
SIDES = {CLIENT: "client", SERVER: "server"}
BROADCAST = 0x02000000

_NAMES = {mid: name for name, mid in MID.items()}


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


def transitions(
    session: int,
    messages: list[Message],
    headers: list[tuple[int, int]],
    *,
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
    server_major : int
        Major version of the server, which decides what an EndOfStream means.
    attributes : int
        fileAttributes.
    udp : bool
        Data came over UDP, so that a playlist change stops the server.
    ended : int
        Time of the end of the TCP connection, -1 if it was not seen.
    """
    out: list[tuple] = []
    client, server = _Side(session, CLIENT, out), _Side(session, SERVER, out)
    stopping = False
    waiting = sorted(headers, reverse=True)
    for message in messages:
        while waiting and waiting[-1][0] <= message.time:
            _header_done(client, server, *waiting.pop())
        name, time, row = _NAMES.get(message.mid, ""), message.time, message.row
        if name == "LinkViewerToMacConnect":
            client.to(INIT, time, row)
            server.to(INIT, time, row)
        elif name in ("LinkViewerToMacStartPlaying", "LinkViewerToMacStartStriding"):
            stopping = False
            server.to(STREAMING, time, row)
        elif name in ("LinkMacToViewerReportStartedPlaying", "LinkMacToViewerReportStartStriding"):
            if message.ok:
                client.to(STREAMING, time, row)
            else:
                server.to(READY, time, row)  # the request was refused
        elif name == "LinkViewerToMacStopPlaying":
            stopping = True
            server.to(READY, time, row)
        elif name == "LinkMacToViewerReportEndOfStream":
            if message.hr != 1:
                server.to(READY, time, row)
            if _ends_playback(message.hr, stopping, server_major, attributes):
                client.to(READY, time, row)
            stopping = False
        elif name == "LinkMacToViewerReportStreamChange":
            if udp:
                server.to(READY, time, row)
        elif name == "LinkMacToViewerReportRedirect":
            client.to(INIT, time, row)
            server.to(CLOSED, time, row)
        elif name == "LinkViewerToMacCloseFile":
            client.to(CLOSED, time, row)
            server.to(CLOSED, time, row)
    while waiting:
        _header_done(client, server, *waiting.pop())
    if ended >= 0:
        client.to(CLOSED, ended)
        server.to(CLOSED, ended)
    return out


def _header_done(client: _Side, server: _Side, time: int, row: int) -> None:
    for side in (client, server):
        if side.state in (NONE, INIT):
            side.to(READY, time, data=row)


def _ends_playback(hr: int, stopping: bool, server_major: int, attributes: int) -> bool:
    # 3.1.5.18
    if stopping:
        return True
    if server_major >= 9:
        return hr != 1
    return hr != 0 or not attributes & BROADCAST
