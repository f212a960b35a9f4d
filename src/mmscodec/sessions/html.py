"""Sessions in notebooks: a table and a picture of the bit rate, as HTML without any script."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from mmscodec.sessions.quality import session_rates

_TEXTS = (
    ("client", "client_address"), ("server", "server_address"), ("file", "url"),
    ("player", "player"), ("over", "transport"), ("end", "end_text"), ("not whole", "partial_text"),
)  # fmt: skip
_TIMES = {"start_up", "first_data", "longest_gap", "preroll_reached", "lowest_buffer", "rtt_mean"}
_NUMBERS = (
    "media_packets", "media_bytes", "lost", "received_bit_rate", "bit_rate", "start_up",
    "longest_gap", "lowest_buffer", "stalls", "underruns", "rtt_mean", "violations", "faults",
    "gaps",
)  # fmt: skip
_ZERO_TOO = ("lost", "client_flow", "server_flow", "start", "end")
_POINTS, _WIDTH, _HEIGHT = 120, 480, 90


class SessionRow(np.void):  # type: ignore[misc]
    """A row of `cap.sessions`: a NumPy row that notebooks show as a table."""

    def _repr_html_(self) -> str:
        return _table((name, _value(name, self[name])) for name in self.dtype.names or ())


def session_html(session: Any) -> str:
    """What a notebook shows of a `Session`."""
    pairs = [(label, getattr(session, name)) for label, name in _TEXTS]
    pairs += [(name, _value(name, session.row[name])) for name in _NUMBERS]
    return f"<b>Session {session.index}</b>" + _table(pairs) + _picture(session)


def _table(pairs: Iterable[tuple[str, str]]) -> str:
    rows = "".join(
        f"<tr><th style='text-align:left'>{_text(name.replace('_', ' '))}</th>"
        f"<td style='text-align:left'>{_text(value)}</td></tr>"
        for name, value in pairs
        if value
    )
    return f"<table>{rows}</table>"


def _text(text: str) -> str:
    """Text of a peer: no markup, nothing that turns what stands beside it."""
    shown = text if len(text) <= 200 else text[:199] + "\u2026"
    return html.escape("".join(c if c.isprintable() else "\ufffd" for c in shown))


def _value(name: str, value: Any) -> str:
    """A number for people; "" where there is none."""
    plain = value.item() if hasattr(value, "item") else value
    if isinstance(plain, str):
        return plain
    if plain < 0 or not math.isfinite(plain) or (plain == 0 and name not in _ZERO_TOO):
        return ""
    if name in ("start", "end"):
        return str(np.datetime64(plain, "ns")).replace("T", " ") + " UTC"
    if name in _TIMES:
        return f"{plain / 1e6:.4g} ms"
    unit = {"media_bytes": " bytes", "received_bit_rate": " bit/s", "bit_rate": " bit/s announced"}
    return f"{plain:,.0f}{unit.get(name, '')}" if plain >= 1 or not plain else f"{plain:.4g}"


def _picture(session: Any) -> str:
    """Received bit rate over time as SVG, the announced one as a dashed line."""
    row = session.row
    if session.ends.control is None or not row["media_packets"]:
        return ""
    seconds = max((int(row["end"]) - int(row["start"])) / 1e9 / _POINTS, 0.1)
    rates = session_rates(session, seconds)[: 2 * _POINTS]
    received = rates["bit_rate"].astype(float)
    if len(received) < 2:
        return ""
    top = max(received.max(), float(rates["announced"].max()), 1.0)
    across = np.arange(len(received)) * (_WIDTH / (len(received) - 1))
    down = _HEIGHT - received / top * (_HEIGHT - 4)
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across.tolist(), down.tolist()))
    told = _HEIGHT - float(rates["announced"].max()) / top * (_HEIGHT - 4)
    return (
        f"<svg role='img' width='{_WIDTH}' height='{_HEIGHT + 2}' "
        f"viewBox='0 0 {_WIDTH} {_HEIGHT + 2}'><title>received bit rate, at most "
        f"{received.max() / 1e3:,.0f} kbit/s</title>"
        f"<line x1='0' x2='{_WIDTH}' y1='{told:.1f}' y2='{told:.1f}' stroke='#b8860b' "
        "stroke-dasharray='5 4'/>"
        f"<polyline points='{points}' fill='none' stroke='#2458d3' stroke-width='2'/></svg>"
    )
