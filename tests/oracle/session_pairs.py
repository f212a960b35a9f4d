"""Requests and their responses by the rules of spec section 10.6, an object each: the oracle."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from mmscodec.sessions.control import MID, Message

_NO_MATCH, _BY_IDENTIFIER, _BY_ORDER = 0, 1, 2

# The latest requests of one kind that may still be answered; older ones count as unanswered.
_MAX_PENDING = 64


def _mids(*names: str) -> tuple[int, ...]:
    return tuple(MID[name] for name in names)


_FILE = ("LinkViewerToMacOpenFile", "LinkViewerToMacSecurityResponse")
#: Response -> requests that it may answer, and the fields that must be equal.
ANSWERS: dict[int, tuple[tuple[int, ...], tuple[str, ...]]] = {
    MID[response]: (_mids(*requests), keys)
    for response, requests, keys in (
        ("LinkMacToViewerReportConnectedEX", ("LinkViewerToMacConnect",), ()),
        ("LinkMacToViewerReportFunnelInfo", ("LinkViewerToMacFunnelInfo",), ()),
        ("LinkMacToViewerReportConnectedFunnel", ("LinkViewerToMacConnectFunnel",), ()),
        ("LinkMacToViewerReportDisconnectedFunnel", ("LinkViewerToMacConnectFunnel",), ()),
        ("LinkMacToViewerReportOpenFile", _FILE, ("incarnation",)),
        ("LinkMacToViewerSecurityChallenge", _FILE, ("incarnation",)),
        ("LinkMacToViewerReportRedirect", _FILE, ()),
        (
            "LinkViewerToMacSecurityResponse",
            ("LinkMacToViewerSecurityChallenge",),
            ("incarnation", "cookie"),
        ),
        ("LinkMacToViewerReportReadBlock", ("LinkViewerToMacReadBlock",), ("incarnation",)),
        ("LinkMacToViewerReportStreamSwitch", ("LinkViewerToMacStreamSwitch",), ()),
        ("LinkMacToViewerReportStartedPlaying", ("LinkViewerToMacStartPlaying",), ("incarnation",)),
        ("LinkMacToViewerReportStartStriding", ("LinkViewerToMacStartStriding",), ("incarnation",)),
        ("LinkMacToViewerReportEndOfStream", ("LinkViewerToMacStopPlaying",), ("incarnation",)),
        ("LinkViewerToMacPong", ("LinkMacToViewerPing",), ()),
    )
}
_REQUESTS = frozenset(mid for requests, _ in ANSWERS.values() for mid in requests)
_UNSOLICITED = frozenset(_mids("LinkMacToViewerReportStreamChange"))
_FUNNEL_INFO = MID["LinkMacToViewerReportFunnelInfo"]
_END = MID["LinkMacToViewerReportEndOfStream"]


class _Open:
    """A request that waits."""

    __slots__ = ("answer", "count", "match", "message", "number")

    def __init__(self, message: Message | None, number: int = 0) -> None:
        self.number = number
        self.message = message
        self.answer: Message | None = None
        self.match = _NO_MATCH
        self.count = 0


def pair(messages: Iterable[Message]) -> list[_Open]:
    """Exchanges of one session, in order of their requests.

    A response without a request, be it unsolicited or lost with its request, is an exchange whose
    `message` is None. Requests that are never answered have no `answer`.
    """
    exchanges: list[_Open] = []
    pending: dict[int, list[_Open]] = {}
    funnel: _Open | None = None  # a FunnelInfo whose three reports are coming
    for message in messages:
        if message.mid in ANSWERS:
            if message.mid == _FUNNEL_INFO and funnel is not None and _expects(funnel, pending):
                funnel.count += 1
                continue
            found, match = _take(pending, message)
            if found is None:
                found = _Open(None)
                exchanges.append(found)
            found.answer, found.match, found.count = message, match, 1
            if message.mid == _FUNNEL_INFO and message.incarnation in (0xF0F0F0F0, 0xF0F0F0F1):
                funnel = found
        elif message.mid in _UNSOLICITED:
            alone = _Open(None)
            alone.answer, alone.count = message, 1
            exchanges.append(alone)
        if message.mid in _REQUESTS:
            opened = _Open(message, len(exchanges))
            exchanges.append(opened)
            waiting = pending.setdefault(message.mid, [])
            waiting.append(opened)
            if len(waiting) > _MAX_PENDING:
                del waiting[0]
    return exchanges


def _expects(funnel: _Open, pending: dict[int, list[_Open]]) -> bool:
    # a report that carries packet-pair filler comes three times
    return funnel.count < 3 and not pending.get(MID["LinkViewerToMacFunnelInfo"])


def _take(pending: dict[int, list[_Open]], response: Message) -> tuple[_Open | None, int]:
    requests, keys = ANSWERS[response.mid]
    waiting = [item for mid in requests for item in pending.get(mid, ())]
    if not waiting:
        return None, _NO_MATCH
    if keys:
        for item in waiting:
            if all(getattr(item.message, key) == getattr(response, key) for key in keys):
                return _settle(pending, item), _BY_IDENTIFIER
        if response.mid == _END:
            return None, _NO_MATCH  # the end of a playlist entry crossed a StopPlaying
    # no identifier, or one that a careless peer did not copy: the oldest that waits
    oldest = min(waiting, key=lambda item: item.number)
    return _settle(pending, oldest), _BY_ORDER


def _settle(pending: dict[int, list[_Open]], item: _Open) -> _Open:
    assert item.message is not None
    pending[item.message.mid].remove(item)
    return item


class Exchange(NamedTuple):
    """A row of `EXCHANGES`, in the order of its columns."""

    session: int
    match: int
    request_mid: int
    response_mid: int
    request: int
    response: int
    time: int
    latency: int
    hr: int
    incarnation: int
    responses: int
    data: int = -1
    data_latency: int = -1


def rows_of(session: int, exchanges: list[_Open]) -> list[Exchange]:
    """Rows of `EXCHANGES` without the two columns on Data packets."""
    out = []
    for item in exchanges:
        request, answer = item.message, item.answer
        first = request or answer
        assert first is not None
        latency = answer.time - request.time if request and answer else -1
        out.append(
            Exchange(
                session, item.match, request.mid if request else 0, answer.mid if answer else 0,
                request.row if request else -1, answer.row if answer else -1, first.time, latency,
                answer.hr if answer else -1, first.incarnation, item.count,
            )
        )  # fmt: skip
    return out
