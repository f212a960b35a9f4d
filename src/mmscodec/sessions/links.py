"""Sessions that belong together: redirects followed, connections resumed, transports changed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mmscodec.sessions.metadata import CLOSED, REDIRECTED
from mmscodec.sessions.session import Session

_TARGET = re.compile(r"mms[ut]?://(?:\[([^\]]*)\]|([^:/]*))(?::(\d+))?", re.IGNORECASE)
_LITERAL = re.compile(r"[0-9.]+|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")
#: A connection that follows a lost or redirected one comes within this time.
_FOLLOWS = 120 * 10**9
#: Clocks of capture points differ, and what was under way still arrives: a connection may begin so
#: long before the last packet of the one that it follows.
OVERLAP = 2 * 10**9


def link(sessions: _Sessions, table: np.ndarray, leaving: np.ndarray) -> None:
    """Fill redirected_to, reconnect_of and retried_as.

    A client opens the next connection before the last segment of the old one is on the wire, so the
    new one need not begin behind the end of the old; it begins behind what made the client leave:
    the redirect, the last media packet, the refusal. Third-party players all send the same GUID, so
    the file must be the same too, or the connection the one redirected to. A session that played to
    its end, or was closed, is not resumed.

    Parameters
    ----------
    sessions : Sessions
        Gives the one that is looked at.
    table : numpy.ndarray
        `SESSIONS`; these columns are filled.
    leaving : numpy.ndarray
        Ascending: those of which another may be found.
    """
    if not len(leaving):
        return
    may = set(leaving.tolist())
    hosts = {sessions[index].ends.client_host for index in may}
    groups: dict[str, list[int]] = {}
    for index in np.argsort(table["start"], kind="stable").tolist():
        host = sessions.client_host(index)
        if host in hosts:
            groups.setdefault(host, []).append(index)
    starts = table["start"].tolist()
    taken: set[int] = set()
    for group in groups.values():
        for at, index in enumerate(group):
            if index not in may:
                continue
            before = sessions[index]
            column, after = _linked(before, _Later(sessions, group, at + 1, starts), taken)
            if after is None:
                continue
            taken.add(after.index)
            if column == "reconnect_of":
                table[column][after.index] = before.index
            else:
                table[column][before.index] = after.index


class _Sessions(Protocol):
    def __getitem__(self, index: int, /) -> Session: ...
    def client_host(self, index: int, /) -> str: ...


@dataclass(slots=True)
class _Later:
    # sessions of one client in order of their start, from `first` on
    sessions: _Sessions
    group: list[int]
    first: int
    starts: list[int]


_Fits = Callable[[Session, Session], bool]


def _wanted(before: Session) -> list[tuple[str, int, _Fits]]:
    # which links this session may have to a later one, and since when that may begin
    row, facts = before.row, before.facts
    if int(row["end_reason"]) == REDIRECTED:
        return [("redirected_to", facts.redirect_time, _goes_to)]
    if before.quality.media_packets:
        if int(row["end_reason"]) == CLOSED or facts.finished or not facts.file_name:
            return []
        return [("reconnect_of", before.quality.last_media - OVERLAP, _resumes)]
    if facts.udp_tried >= 0 and (facts.udp_refused or facts.start_time >= 0):
        return [("retried_as", max(facts.udp_tried, facts.start_time), _over_tcp)]
    return []


def _linked(before: Session, later: _Later, taken: set[int]) -> tuple[str, Session | None]:
    # the column that links this session to a later one, and that one
    for column, since, fits in _wanted(before):
        after = _next(later, before, since, fits, taken)
        if after is not None:
            return column, after
    return "", None


def _next(
    later: _Later, before: Session, since: int, fits: _Fits, taken: set[int]
) -> Session | None:
    until = int(before.row["end"]) + _FOLLOWS
    for at in range(later.first, len(later.group)):
        index = later.group[at]
        if later.starts[index] > until:
            return None
        if index in taken or later.starts[index] < since:
            continue
        after = later.sessions[index]
        if fits(before, after):
            return after
    return None


def _same_client(before: Session, after: Session) -> bool:
    return not before.facts.guid or not after.facts.guid or before.facts.guid == after.facts.guid


def _resumes(before: Session, after: Session) -> bool:
    return (
        bool(after.facts.guid)
        and before.facts.guid == after.facts.guid
        and before.facts.file_name == after.facts.file_name
    )


def _over_tcp(before: Session, after: Session) -> bool:
    return (
        _same_client(before, after)
        and after.facts.udp_tried < 0
        and before.ends.server_host == after.ends.server_host
        and (not before.facts.file_name or before.facts.file_name == after.facts.file_name)
    )


def _goes_to(before: Session, after: Session) -> bool:
    match = _TARGET.match(before.facts.redirect_location)
    if not _same_client(before, after):
        return False
    if match is None:
        return True  # another proxy, or none
    host, port = match[1] or match[2], int(match[3] or 1755)
    named = after.facts.host.rsplit(":", 1)[0].strip("[]")
    if named and named == host:
        return True
    unknown = not named and not _LITERAL.fullmatch(host)  # a name, and the capture has no names
    return after.ends.server_port == port and (unknown or host == after.ends.server_host)
