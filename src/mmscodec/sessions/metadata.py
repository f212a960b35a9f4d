"""What the control messages of a session say: who, what file, how it was opened, how it ended."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from mmscodec.schema.fields import ansi_decode, ansi_encode
from mmscodec.schema.values import hresult_text, version_text
from mmscodec.sessions.control import MID, Control, Message
from mmscodec.sessions.session_flows import FUNNEL, Ends

_PLAYER = re.compile(r"([A-Za-z]+!?)(?:/([0-9][0-9.]*))?")
GUID = re.compile(r"\{([^}]*)\}")
HOST = re.compile(r";\s*Host:\s*([^;\s]+)", re.IGNORECASE)

_UNKNOWN, CLOSED, DISCONNECTED, REFUSED, REDIRECTED, CUT, NOTHING_CAME = range(7)
#: Meaning of `sessions["end_reason"]`.
END_REASONS = {
    _UNKNOWN: "unknown",
    CLOSED: "closed by the client",
    DISCONNECTED: "connection ended",
    REFUSED: "refused by the server",
    REDIRECTED: "redirected",
    CUT: "capture ended",
    NOTHING_CAME: "playback started, nothing came",
}
#: Meaning of `sessions["auth_scheme"]`.
AUTH_SCHEMES = {0: "", 1: "BASIC", 2: "NTLM", 3: "other"}

_NAMES = {mid: name for name, mid in MID.items()}
#: Success after which an earlier failure, such as UDP refused, is not why a session ended.
_MADE_GOOD = (
    "LinkMacToViewerReportConnectedFunnel",
    "LinkMacToViewerReportOpenFile",
    "LinkMacToViewerReportStartedPlaying",
)


@dataclass(slots=True)
class Facts:
    """Texts and numbers of one session; empty or -1 where the capture does not say."""

    player: str = ""
    player_version: str = ""
    guid: str = ""
    host: str = ""
    via: str = ""
    server_version: str = ""
    authen_package: str = ""
    funnel_name: str = ""
    file_name: str = ""
    redirect_location: str = ""
    transport: str = ""
    auth_scheme: int = 0
    auth_result: int = -1
    challenges: int = 0
    attributes: int = 0
    duration: float = 0.0
    packet_size: int = 0
    packet_count: int = 0
    bit_rate: int = 0
    header_size: int = 0
    open_file_id: int = -1
    client_id: int = -1
    stream_switches: int = 0
    resend_requests: int = 0
    resends_asked: list[int] = field(default_factory=list)
    resend_times: list[int] = field(default_factory=list)
    hr: int = -1
    hr_mid: int = 0  # of the message that carried it
    redirect_time: int = -1
    start_time: int = -1  # of the first Start*, whether confirmed or not
    first_start: int = -1  # its row in `messages`
    started_time: int = -1  # when the server first confirmed one
    stopped_time: int = -1  # of the first StopPlaying, or EndOfStream, behind that
    udp_tried: int = -1  # when Data over UDP was asked for; then the port, and the answer
    udp_port: int = 0
    udp_refused: bool = False
    udp_hr: int = -1
    credentials: int = 0  # how often the client sent some
    closed: bool = False
    redirected: bool = False
    connected: bool = False
    finished: bool = False  # the last thing about playback is that it ended
    stopping: bool = False  # a StopPlaying was sent since the last start
    played_out: bool = False  # and that was the end of what there was to play, not a StopPlaying
    log: dict[str, Any] | None = None

    @property
    def server_major(self) -> int:
        """Major version of the server, 0 if not known."""
        return version_major(self.server_version)

    @property
    def live(self) -> bool:
        """The BROADCAST or LIVE attribute is set."""
        return bool(self.attributes & 0x06000000)


def version_major(version: str) -> int:
    """Major version of a server by its text, 0 if it has none."""
    head = version.split(".", 1)[0]
    return int(head) if head.isascii() and head.isdigit() and len(head) < 4 else 0


def facts_of(ends: Ends, control: Control) -> Facts:
    """Read the messages of a session in order."""
    facts = Facts()
    for message in ends.messages:
        name = _NAMES.get(message.mid)
        reader = _READERS.get(name or "")
        if reader is not None:
            record = control.record(name or "", message.row)
            if record is not None:
                reader(facts, message, record, control)
        if message.hr >= 0x80000000:
            facts.hr, facts.hr_mid = message.hr, message.mid
        elif name in _MADE_GOOD and message.ok:
            facts.hr, facts.hr_mid = -1, 0
    if len(ends.udp):
        facts.transport = "udp"
    elif len(ends.tcp) and not facts.transport:
        facts.transport = "tcp"
    return facts


def _connect(facts: Facts, message: Message, record: Any, control: Control) -> None:
    facts.connected = True
    name = control.value(_NAMES[message.mid], "subscriber_name", message.row) or ""
    first, *more = name.split("\0")
    if match := _PLAYER.match(first):
        facts.player, facts.player_version = match[1], match[2] or ""
    if match := GUID.search(first):
        facts.guid = match[1]
    if match := HOST.search(first):
        facts.host = match[1]
    for text in more:
        if text.startswith("HOST: "):
            facts.host = facts.host or text[6:]
        elif text.startswith("VIA: "):
            facts.via = text[5:]


def _connected(facts: Facts, message: Message, record: Any, control: Control) -> None:
    name = _NAMES[message.mid]
    facts.connected = True
    facts.server_version = control.value(name, "server_version_info", message.row) or ""
    facts.authen_package = control.value(name, "authen_package", message.row) or ""


def _funnel(facts: Facts, message: Message, record: Any, control: Control) -> None:
    text = control.value(_NAMES[message.mid], "funnel_name", message.row) or ""
    facts.funnel_name = text
    if match := FUNNEL.match(text):
        facts.transport = match[2].lower()
        if facts.transport == "udp" and facts.udp_tried < 0:
            facts.udp_tried, facts.udp_port = message.time, int(match[3])


def _no_funnel(facts: Facts, message: Message, record: Any, control: Control) -> None:
    if facts.transport == "udp":
        facts.udp_refused, facts.udp_hr = True, message.hr
        facts.transport = ""


def _has_funnel(facts: Facts, message: Message, record: Any, control: Control) -> None:
    if not message.ok and facts.transport == "udp":
        _no_funnel(facts, message, record, control)


def _funnel_info(facts: Facts, message: Message, record: Any, control: Control) -> None:
    facts.client_id = int(record["n_cubs"])


def _open(facts: Facts, message: Message, record: Any, control: Control) -> None:
    facts.file_name = control.value(_NAMES[message.mid], "file_name", message.row) or ""
    facts.credentials += int(record["cbtoken"]) > 0
    if int(record["cbtoken"]) > 0 and not facts.auth_scheme:
        facts.auth_scheme = _scheme(facts.authen_package or "NTLM")
    if facts.auth_scheme:
        facts.auth_result = 0


def _opened(facts: Facts, message: Message, record: Any, control: Control) -> None:
    if facts.auth_scheme:
        facts.auth_result = int(message.ok)
    if not message.ok:
        return
    facts.open_file_id = int(record["open_file_id"])
    facts.attributes = int(record["file_attributes"])
    facts.duration = float(record["file_duration"])
    facts.packet_size = int(record["file_packet_size"])
    facts.packet_count = int(record["file_packet_count"])
    facts.bit_rate = int(record["file_bit_rate"])
    facts.header_size = int(record["file_header_size"])


def _challenge(facts: Facts, message: Message, record: Any, control: Control) -> None:
    facts.challenges += 1
    token = control.value(_NAMES[message.mid], "p_token", message.row) or b""
    zero = token[:2] in (b"", b"\0", b"\0\0")
    # 10.8: two zero bytes are NTLM, but older servers may send an empty Basic challenge
    if not zero:
        facts.auth_scheme = _scheme("BASIC")
    elif facts.server_major >= 9 or len(token) > 2:
        facts.auth_scheme = _scheme("NTLM")
    else:
        facts.auth_scheme = facts.auth_scheme or _scheme(facts.authen_package or "NTLM")
    facts.auth_result = 0


def _response(facts: Facts, message: Message, record: Any, control: Control) -> None:
    facts.credentials += 1


def _scheme(name: str) -> int:
    return {"BASIC": 1, "NTLM": 2}.get(name.upper(), 3)


def _redirect(facts: Facts, message: Message, record: Any, control: Control) -> None:
    facts.redirected, facts.redirect_time = True, message.time
    facts.redirect_location = control.value(_NAMES[message.mid], "wsz_location", message.row) or ""


def _start(facts: Facts, message: Message, record: Any, control: Control) -> None:
    facts.finished = facts.stopping = False
    if facts.start_time < 0:
        facts.start_time, facts.first_start = message.time, message.row


def _started(facts: Facts, message: Message, record: Any, control: Control) -> None:
    if message.ok and facts.started_time < 0:
        facts.started_time = message.time


def _stop(facts: Facts, message: Message, record: Any, control: Control) -> None:
    facts.stopping = True
    if facts.started_time >= 0 > facts.stopped_time:
        facts.stopped_time = message.time


def _end(facts: Facts, message: Message, record: Any, control: Control) -> None:
    facts.finished = message.hr != 1
    facts.played_out = facts.finished and message.ok and not facts.stopping
    if facts.started_time >= 0 > facts.stopped_time:
        facts.stopped_time = message.time


def _switch(facts: Facts, message: Message, record: Any, control: Control) -> None:
    facts.stream_switches += 1


def _close(facts: Facts, message: Message, record: Any, control: Control) -> None:
    facts.closed = True


def _resend(facts: Facts, message: Message, record: Any, control: Control) -> None:
    facts.resend_requests += 1
    wanted = control.value(_NAMES[message.mid], "dw_begin_packet_list", message.row)
    numbers = [] if wanted is None else [int(item) for item in wanted.tolist()]
    facts.resends_asked += numbers
    facts.resend_times += [message.time] * len(numbers)


def _logging(facts: Facts, message: Message, record: Any, control: Control) -> None:
    facts.log = client_log(record["log"])


_READERS = {
    "LinkViewerToMacConnect": _connect,
    "LinkMacToViewerReportConnectedEX": _connected,
    "LinkViewerToMacConnectFunnel": _funnel,
    "LinkMacToViewerReportFunnelInfo": _funnel_info,
    "LinkMacToViewerReportConnectedFunnel": _has_funnel,
    "LinkMacToViewerReportDisconnectedFunnel": _no_funnel,
    "LinkViewerToMacOpenFile": _open,
    "LinkMacToViewerReportOpenFile": _opened,
    "LinkMacToViewerSecurityChallenge": _challenge,
    "LinkViewerToMacSecurityResponse": _response,
    "LinkMacToViewerReportRedirect": _redirect,
    "LinkViewerToMacStreamSwitch": _switch,
    "LinkViewerToMacStartPlaying": _start,
    "LinkViewerToMacStartStriding": _start,
    "LinkMacToViewerReportStartedPlaying": _started,
    "LinkMacToViewerReportStartStriding": _started,
    "LinkViewerToMacStopPlaying": _stop,
    "LinkMacToViewerReportEndOfStream": _end,
    "LinkViewerToMacCloseFile": _close,
    "RequestPacketListResend": _resend,
    "LinkViewerToMacLogging": _logging,
}


def client_log(record: Any) -> dict[str, Any]:
    """CLIENT_LOG as a flat dictionary: ANSI text as str, versions as text, numbers as int."""
    out: dict[str, Any] = {}
    for name in record.dtype.names:
        value = record[name]
        if value.dtype.names:
            out |= client_log(value)
        elif value.dtype.kind == "S":
            out[name] = ansi_decode(bytes(value).split(b"\0", 1)[0])
        elif _is_version(name):
            out[name] = version_text(int(value))
        else:
            out[name] = int(value)
    return out


def _is_version(name: str) -> bool:
    return "version" in name or name.endswith("_ver")


def log_in_charset(log: dict[str, Any], charset: str | None) -> dict[str, Any]:
    """The same with its texts in another encoding: `ansi_decode` loses no byte."""
    if charset is None:
        return log
    return {
        name: value
        if _is_version(name) or not isinstance(value, str)
        else ansi_encode(value).decode(charset, "backslashreplace")
        for name, value in log.items()
    }


def hr_name(hr: int) -> str:
    """An HRESULT by name; "" where there is none."""
    return "" if hr < 0 else hresult_text(hr)
