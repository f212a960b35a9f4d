"""UDP asked for, given, refused, or given up for TCP: one story, in one session or over two."""

from __future__ import annotations

from mmscodec.sessions.session import Session

NOT_TRIED, DELIVERED, REFUSED, SILENT, _UNCAPTURED, _ROLLED_OVER = range(6)
#: Meaning of `sessions["udp_story"]`.
UDP_STORIES = {
    NOT_TRIED: "UDP was not asked for",
    DELIVERED: "Data came over UDP",
    REFUSED: "UDP refused",
    SILENT: "UDP accepted, no media came over it",
    _UNCAPTURED: "UDP accepted, its Data not captured",
    _ROLLED_OVER: "UDP accepted, then given up for TCP",
}


def udp_story(session: Session) -> int:
    """A key of `UDP_STORIES`."""
    facts, ends = session.facts, session.ends
    if len(ends.udp):
        return DELIVERED if session.quality.media_packets else SILENT
    if facts.udp_tried < 0:
        return NOT_TRIED
    if facts.udp_refused:
        return REFUSED
    if facts.transport == "tcp":
        return _ROLLED_OVER
    # no client starts without a header, and that comes over UDP too
    return _UNCAPTURED if facts.start_time >= 0 else SILENT
