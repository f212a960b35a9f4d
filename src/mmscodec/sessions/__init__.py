"""What happened in each MMS session of a capture, and the media back out of it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmscodec.sessions.analysis import Sessions
    from mmscodec.sessions.pairing import EXCHANGES, MATCHES
    from mmscodec.sessions.quality import RATES
    from mmscodec.sessions.session import Session
    from mmscodec.sessions.states import SIDES, STATES, TRANSITIONS
    from mmscodec.sessions.table import PARTIAL, SESSIONS, TEXTS

__all__ = (
    "EXCHANGES",
    "MATCHES",
    "PARTIAL",
    "RATES",
    "SESSIONS",
    "SIDES",
    "STATES",
    "TEXTS",
    "TRANSITIONS",
    "Session",
    "Sessions",
)

#: Where each name is; imported when first asked for, since opening a capture needs none of it.
_HOMES = {
    "EXCHANGES": "pairing",
    "MATCHES": "pairing",
    "PARTIAL": "table",
    "RATES": "quality",
    "SESSIONS": "table",
    "SIDES": "states",
    "STATES": "states",
    "TEXTS": "table",
    "TRANSITIONS": "states",
    "Session": "session",
    "Sessions": "analysis",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'mmscodec.sessions' has no attribute {name!r}")
    found = getattr(import_module(f"mmscodec.sessions.{_HOMES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
