"""Tables of sessions, exchanges and transitions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mmscodec.schema.values import FILE_ATTRIBUTES, flags_text
from mmscodec.schema.vocabulary import TRANSPORTS
from mmscodec.sessions.closing import ENDED_BY
from mmscodec.sessions.metadata import AUTH_SCHEMES, END_REASONS
from mmscodec.sessions.pairing import EXCHANGES, MATCHES
from mmscodec.sessions.states import SIDES, STATES, TRANSITIONS
from mmscodec.sessions.table import PARTIAL, SESSIONS
from mmscodec.sessions.transports import UDP_STORIES
from mmscodec.tables import column as make
from mmscodec.tables.column import Column
from mmscodec.tables.data import Words
from mmscodec.tables.notes import noted
from mmscodec.tables.spec import (
    HRESULT_NAMES,
    MESSAGE_NAMES,
    TRANSPORT_WORDS,
    Spec,
    row_of,
    structured,
)
from mmscodec.tables.table import Table

NAMES = ("sessions", "exchanges", "transitions")
_CODES = {"": 0} | {text: number for number, text in TRANSPORTS.items()}

_TIMES = (
    "connect_time", "start_up", "first_data", "ping_min", "ping_mean", "ping_max", "longest_gap",
    "stalled", "preroll", "preroll_reached", "first_key_frame", "lowest_buffer", "dry", "handshake",
    "rtt_min", "rtt_mean", "rtt_max",
)  # fmt: skip
_LOG = Spec(dtype="i8", null=-1, section="2.2.1", note="what the client itself says")


def _flow(note: str) -> Spec:
    return Spec(dtype="i4", null=-1, note=note)


SPECS: dict[str, Spec] = {
    **{name: Spec("duration", null=-1) for name in _TIMES},
    "client_flow": _flow("flow of the client's direction"),
    "server_flow": _flow("flow of the server's direction"),
    "data_flow": _flow("UDP flow of Data packets"),
    "resend_flow": _flow("UDP flow of resend requests"),
    "start": Spec("time", null=-1), "end": Spec("time", null=-1),
    "transport": Spec("words", names=TRANSPORT_WORDS, note="of Data packets"),
    "auth_scheme": Spec(names=Words(AUTH_SCHEMES)),
    "auth_result": Spec(dtype="i1", null=-1, note="1 accepted, 0 not"),
    "end_reason": Spec(names=Words(END_REASONS), note="why it ended"),
    "ended_by": Spec(names=Words(ENDED_BY)),
    "played_out": Spec("flag", null=-1, note="played to its end"),
    "udp_story": Spec(names=Words(UDP_STORIES)),
    "partial": Spec(
        names=Words({}, lambda bits: ", ".join(w for b, w in PARTIAL.items() if bits & b) or None),
        note="what of it was not captured; 0 = it is whole",
    ),
    "end_hr": Spec(dtype="u4", null=-1, names=HRESULT_NAMES, unit="HRESULT"),
    "end_message": row_of("messages"),
    "reached": Spec(null=-1.0, unit="s", note="of the content whose media came"),
    "attributes": Spec(
        names=Words({}, lambda bits: flags_text(bits, FILE_ATTRIBUTES) if bits else None),
        section="2.2.4.7",
    ),
    "packet_size": Spec(null=0, unit="bytes", section="2.2.4.7"),
    "bit_rate": Spec(null=0, unit="bit/s", section="2.2.4.7"),
    "header_size": Spec(null=0, unit="bytes", section="2.2.4.7"),
    "packet_count": Spec(null=0, unit="packets", section="2.2.4.7"),
    "duration": Spec(null=0.0, unit="s", section="2.2.4.7", note="of the file, as the server says"),
    "open_file_id": Spec(dtype="u4", null=-1, section="2.2.4.7"),
    "client_id": Spec(dtype="u4", null=-1, section="2.2.4.6"),
    **{name: Spec(dtype="i4", null=-1, note="row of sessions")
       for name in ("redirected_to", "reconnect_of", "retried_as")},
    "media_bytes": Spec(unit="bytes"),
    "received_bit_rate": Spec(null=0.0, unit="bit/s"),
    "playing_bit_rate": Spec(null=0.0, unit="bit/s"),
    "violations": Spec(dtype="i4", null=-1), "deviations": Spec(dtype="i4", null=-1),
    "unread": Spec(unit="bytes", note="that belong to no row of any table"),
    "log_packets": _LOG, "log_bytes": _LOG, "log_lost": _LOG, "log_resent": _LOG,
    "log_bufferings": _LOG, "log_played": _LOG,
    # exchanges
    "match": Spec(names=Words(MATCHES), note="how request and response were paired"),
    "request_mid": Spec(dtype="u4", null=0, names=MESSAGE_NAMES),
    "response_mid": Spec(dtype="u4", null=0, names=MESSAGE_NAMES),
    "request": row_of("messages"), "response": row_of("messages"),
    "time": Spec("time", null=-1), "latency": Spec("duration", null=-1),
    "incarnation": Spec(dtype="u4", null=-1),
    "responses": Spec(note="how many came"),
    "data": row_of("data"), "data_latency": Spec("duration", null=-1),
    # transitions
    "side": Spec(names=Words(SIDES)),
    "before": Spec(names=Words(STATES)), "after": Spec(names=Words(STATES)),
    "message": row_of("messages"),
}  # fmt: skip
#: Texts of a session that are columns, "" where the capture does not say.
TEXTS = (
    "url", "file_name", "player", "player_version", "guid", "host", "via", "server_version",
    "authen_package", "funnel_name", "redirect_location", "end_text",
)  # fmt: skip
_ENDS = (
    ("client", "client_host", "address of the client"),
    ("client_port", "client_port", ""),
    ("server", "server_host", "address of the server"),
    ("server_port", "server_port", ""),
)


def session_table(capture: Any, name: str) -> Table:
    """`name` of a capture with sessions."""
    found = lambda: capture._sessions  # noqa: E731
    dtype = {"sessions": SESSIONS, "exchanges": EXCHANGES, "transitions": TRANSITIONS}[name]
    rows = lambda: np.asarray(getattr(capture, name))  # noqa: E731
    made = structured(dtype, rows, SPECS)
    if name == "sessions":
        over = lambda a, b: np.array([_CODES[word] for word in rows()["transport"][a:b].tolist()])  # noqa: E731
        about = SPECS["transport"].about
        words = make.words("transport", over, TRANSPORT_WORDS, **about)
        made = [words if column.name == words.name else column for column in made]
        number = make.number("session", lambda a, b: np.arange(a, b), "i4", description="this row")
        order = [number, *ends_of(found, lambda a, b: range(a, b))]
        texts = [make.strings(text, _attribute(found, text)) for text in TEXTS]
        made = [*order, *texts, *made]
    else:
        of = lambda a, b: rows()["session"][a:b].tolist()  # noqa: E731
        made = [made[0], *ends_of(found, of), *made[1:]]
    return Table(name, noted(name, made), lambda: len(rows()))


def _attribute(found: Callable[[], Any], name: str) -> Callable[[int, int], Any]:
    return lambda start, stop: [getattr(found()[i], name) for i in range(start, stop)]


def ends_of(found: Callable[[], Any], sessions: Callable[[int, int], Any]) -> list[Column]:
    """client, client_port, server, server_port of rows that belong to sessions."""

    def getter(attribute: str) -> Callable[[int, int], list[Any]]:
        def get(start: int, stop: int) -> list[Any]:
            every = found()
            return [getattr(every[i].ends, attribute) for i in sessions(start, stop)]

        return get

    out = []
    for name, attribute, note in _ENDS:
        get = getter(attribute)
        if name.endswith("_port"):
            ports = lambda a, b, get=get: np.array(get(a, b), np.int64)  # noqa: E731
            out.append(make.number(name, ports, "u2", 0))
        else:
            out.append(make.strings(name, get, description=note))
    return out
