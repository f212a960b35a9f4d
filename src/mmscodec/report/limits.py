"""How much of a capture goes into a page, so that it opens at once; the page says so."""

from __future__ import annotations

from mmscodec.frozen import Frozen

#: Rows of ladders and points of charts on one page, shared by its sessions.
_ROWS, _POINTS = 60_000, 40_000


class Limits(Frozen):
    """The ceilings of one page.

    Attributes
    ----------
    sessions, details : int
        Sessions in the table, and those of them that can be opened.
    rows, points : int
        Of each session: rows of its ladder and of its exchanges, points of a chart.
    text : int
        Characters of one text from the capture.
    bytes : int
        Of all data of the page, as JSON: what would be more cannot be opened.
    listed : int
        Flows, faults, gaps, nodes: rows of each of those tables.
    """

    sessions: int = 5000
    details: int = 2000
    rows: int = 1500
    points: int = 500
    text: int = 300
    bytes: int = 12_800_000
    listed: int = 1000


def limits_for(sessions: int) -> Limits:
    """Those of a page about so many sessions."""
    shown = max(min(sessions, Limits().details), 1)
    rows, points = _ROWS // shown, _POINTS // shown
    return Limits(rows=min(max(rows, 20), 1500), points=min(max(points, 24), 500))


def short(text: str, most: int) -> str:
    """A text that is not longer than that."""
    return text if len(text) <= most else text[: most - 1] + "\u2026"
