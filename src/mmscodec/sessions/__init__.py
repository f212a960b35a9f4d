"""What happened in each MMS session of a capture, and the media back out of it."""

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
