"""Sessions that belong together: redirects followed, connections resumed."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np

from mmscodec.sessions.facts import CLOSED, REDIRECTED
from mmscodec.sessions.session import Session

TARGET = re.compile(r"mms[ut]?://(?:\[([^\]]*)\]|([^:/]*))(?::(\d+))?", re.IGNORECASE)
#: A connection that follows a lost or redirected one comes within this time.
FOLLOWS = 120 * 10**9


def link(sessions: list[Session], table: np.ndarray) -> None:
    """Fill redirected_to and reconnect_of.

    Sessions of one client address and GUID are looked at in order of time. Third-party players all
    send the same GUID, so the file must be the same too, or the connection the one redirected to.
    A session that played to its end is not resumed.
    """
    groups: dict[tuple[str, str], list[Session]] = {}
    for session in sessions:
        groups.setdefault((session.ends.client_host, session.facts.guid), []).append(session)
    for group in groups.values():
        group.sort(key=lambda session: int(session.row["start"]))
        for before, after in pairwise(group):
            old, new = before.row, after.row
            if not 0 <= int(new["start"]) - int(old["end"]) <= FOLLOWS:
                continue
            if int(old["end_reason"]) == REDIRECTED:
                if _goes_to(before, after):
                    table["redirected_to"][before.index] = after.index
            elif (
                after.facts.guid
                and int(old["end_reason"]) != CLOSED
                and not before.facts.finished
                and before.facts.file_name
                and before.facts.file_name == after.facts.file_name
                and before.quality.media_packets
            ):
                table["reconnect_of"][after.index] = before.index


def _goes_to(before: Session, after: Session) -> bool:
    match = TARGET.match(before.facts.redirect_location)
    if match is None:
        return True  # another proxy, or none
    host, port = match[1] or match[2], int(match[3] or 1755)
    named = after.facts.host.rsplit(":", 1)[0].strip("[]")
    return after.ends.server_port == port or host in (after.ends.server_host, named)
