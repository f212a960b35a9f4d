"""The 14 messages that clients send (LinkViewerToMac..., MID 0x0003xxxx)."""

from __future__ import annotations

from mmscodec.schema.fields import (
    array,
    f64,
    message,
    must,
    nested,
    raw,
    should,
    structure,
    u16,
    u32,
    utf16,
)
from mmscodec.schema.mms_log import CLIENT_LOG
from mmscodec.schema.values import (
    NOT_USED,
    PACKET_PAIR_MODE,
    PACKET_PAIR_OFFER,
    THINNING_LEVELS,
)

# the published token is spelt with five o in one place and four in another
_GUID = r"\{[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}"
_PRODUCT = (
    r"(Spo+n!|NSPlayer/[0-9]{1,2}\.[0-9]{1,4}(\.[0-9]{1,4}){0,2}; " + _GUID + r")(; Host: [^\0]+)?"
)
_SUBSCRIBER = _PRODUCT + r"(\0HOST: [^\0]+)?(\0VIA: [^\0]+)?"
_IPV4 = r"[0-9]{1,3}(\.[0-9]{1,3}){3}"
_PORT = r"(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})"
_IPV6 = r"(?=[0-9A-Fa-f]{0,4}:)[0-9A-Fa-f:.]{2,45}"
_FUNNEL = rf"\\\\({_IPV4}|{_IPV6})\\(TCP|UDP)\\{_PORT}"


def _ignored(name: str, note: str = ""):
    return u32(name, rule=should(0, ignored=True), note=note)


def _tag(note: str, known: tuple[int, ...] = ()):
    rule = must(low=1, high=0xFE, known=known)
    return u32("playIncarnation", rule=rule, default=1, note=note)


def _file_id():
    return u32("openFileId", note="ReportOpenFile.openFileId", default=1)


def _start():
    return (
        f64("position", unit="s", note="from the start; DBL_MAX = asfOffset or locationId says"),
        u32("asfOffset", unit="bytes", values=NOT_USED, default=0xFFFFFFFF,
            note="place in the ASF file to start from"),
        u32("locationId", values=NOT_USED, default=0xFFFFFFFF,
            note="ASF data packet number to start from"),
    )  # fmt: skip


STREAM_SWITCH_ENTRY = structure(
    "STREAM_SWITCH_ENTRY", "2.2.4.28.1",
    u16("wSrcStreamNumber", values={0xFFFF: "none"}, default=0xFFFF,
        note="ASF stream number to be replaced"),
    u16("wDstStreamNumber", values={0xFFFF: "none: the source is switched off"},
        note="ASF stream number to send instead"),
    u16("wThinningLevel", rule=must(one_of=tuple(THINNING_LEVELS)), values=THINNING_LEVELS),
)  # fmt: skip

CANCEL_READ_BLOCK = message(
    "LinkViewerToMacCancelReadBlock", 0x00030025, "2.2.4.15", "C>S",
    u32("playIncarnation", note="that of the ReadBlock to be cancelled"),
    note="The header timer expired. No answer.",
)  # fmt: skip

CLOSE_FILE = message(
    "LinkViewerToMacCloseFile", 0x0003000D, "2.2.4.16", "C>S",
    _ignored("playIncarnation"),
    _file_id(),
    note="End of the session. No answer.",
)  # fmt: skip

CONNECT = message(
    "LinkViewerToMacConnect", 0x00030001, "2.2.4.17", "C>S",
    u32("playIncarnation", values=PACKET_PAIR_OFFER,
        rule=should(one_of=tuple(PACKET_PAIR_OFFER), known=(0,), loose=True),
        note="whether packet-pair estimation is wanted; 0 from players before 6.4"),
    u32("MacToViewerProtocolRevision", rule=must(0x0004000B)),
    u32("ViewerToMacProtocolRevision", rule=must(0x0003001C)),
    utf16("subscriberName", nul="strings", rule=must(pattern=_SUBSCRIBER, loose=True),
          note="product, version and GUID; then optional 'HOST: ' and 'VIA: ' strings"),
    note="First message of a connection.",
)  # fmt: skip

CONNECT_FUNNEL = message(
    "LinkViewerToMacConnectFunnel", 0x00030002, "2.2.4.18", "C>S",
    _ignored("playIncarnation"),
    u32("maxBlockBytes", rule=should(0xFFFFFFFF, loose=True)),
    u32("maxFunnelBytes", rule=should(0, loose=True)),
    u32("maxBitRate", rule=should(0x00989680, known=(0x00A00000, 0x000A0000), loose=True),
        unit="bit/s"),
    u32("funnelMode", rule=must(2)),
    utf16("funnelName", nul="first", rule=must(pattern=_FUNNEL, loose=True),
          note=r"\\ip\TCP\port or \\ip\UDP\port; no length field, no NUL required"),
    note="Chooses the transport of Data packets, and the UDP port.",
)  # fmt: skip

FUNNEL_INFO = message(
    "LinkViewerToMacFunnelInfo", 0x00030018, "2.2.4.19", "C>S",
    u32("playIncarnation", rule=must(one_of=tuple(PACKET_PAIR_MODE), known=(0x00F0F0F0,)),
        values=PACKET_PAIR_MODE, note="packet-pair mode wanted"),
    note="Asks for nCubs and for packet-pair packets.",
)  # fmt: skip

LOGGING = message(
    "LinkViewerToMacLogging", 0x00030032, "2.2.4.20", "C>S",
    nested("log", struct=CLIENT_LOG),
    note="Statistics, after StopPlaying or the end of a stream. No answer.",
)  # fmt: skip

OPEN_FILE = message(
    "LinkViewerToMacOpenFile", 0x00030005, "2.2.4.21", "C>S",
    _tag("0 from MPlayer", known=(0,)),
    _ignored("spare"),
    u32("token", unit="bytes", note="from the start of fileName to tokenData; 0 without one"),
    u32("cbtoken", unit="bytes", note="length of tokenData"),
    utf16("fileName", nul="first",
          note="path of the URL; at most `token` bytes when there is tokenData"),
    raw("tokenData", count="cbtoken", start="token", secret=True, optional=True,
        note="Basic: credentials and NUL; NTLM: NTLM_AUTH or a raw response"),
    note="Opens a file or playlist.",
)  # fmt: skip

PONG = message(
    "LinkViewerToMacPong", 0x0003001B, "2.2.4.22", "C>S",
    _ignored("dwParam1"),
    _ignored("dwParam2"),
    note="Answer to Ping.",
)  # fmt: skip

READ_BLOCK = message(
    "LinkViewerToMacReadBlock", 0x00030015, "2.2.4.23", "C>S",
    _file_id(),
    u32("fileBlockId", rule=must(0)),
    u32("offset", rule=must(0)),
    u32("length", rule=should(0x8000, known=(0, 0xFFFF, 0x00800000))),
    u32("flags", rule=must(0xFFFFFFFF, known=(0,)), note="0 from MPlayer"),
    _ignored("padding"),
    f64("tEarliest", rule=must(0.0)),
    f64("tDeadline", rule=must(3600.0, known=(0.0,)), note="0 from MPlayer"),
    _tag("its low byte tags the Data packets with the header"),
    u32("playSequence", rule=must(0)),
    note="Requests the ASF file header.",
)  # fmt: skip

SECURITY_RESPONSE = message(
    "LinkViewerToMacSecurityResponse", 0x0003001A, "2.2.4.24", "C>S",
    u32("playIncarnation", note="that of SecurityChallenge"),
    u32("cookie", note="that of SecurityChallenge"),
    u32("cbToken", unit="bytes", note="length of pToken, terminator included"),
    raw("pToken", count="cbToken", secret=True, default=b"",
        note="Basic: credentials and NUL; NTLM: 00 00, then NTLM_AUTH or a raw token"),
    note="Answer to SecurityChallenge.",
)  # fmt: skip

START_PLAYING = message(
    "LinkViewerToMacStartPlaying", 0x00030007, "2.2.4.25", "C>S",
    _file_id(),
    _ignored("padding"),
    *_start(),
    u32("frameOffset", unit="ms",
        note="0 = to the end; else low 31 bits = stop time, bit 31 = from the requested start"),
    _tag("its low byte tags the Data packets with ASF data"),
    u32("dwAccelBandwidth", unit="bit/s", needs_chunk_len=6, note="wanted while accelerated"),
    u32("dwAccelDuration", unit="ms", needs_chunk_len=6, note="content to send at that rate"),
    u32("dwLinkBandwidth", unit="bit/s", needs_chunk_len=7, note="of the client's link"),
    note="Plays; chunkLen tells which optional fields are there.",
)  # fmt: skip

START_STRIDING = message(
    "LinkViewerToMacStartStriding", 0x00030028, "2.2.4.26", "C>S",
    _file_id(),
    _ignored("padding"),
    *_start(),
    _ignored("frameOffset"),
    _tag("its low byte tags the Data packets with ASF data"),
    f64("rate", rule=must(low=-5.0, high=5.0, not_zero=True), default=1.0,
        note="negative = rewind"),
    note="Fast forward and rewind.",
)  # fmt: skip

STOP_PLAYING = message(
    "LinkViewerToMacStopPlaying", 0x00030009, "2.2.4.27", "C>S",
    _file_id(),
    u32("playIncarnation", default=1,
        note="MUST be the latest Start*'s; uninitialised in Windows clients"),
    note="The answer is ReportEndOfStream.",
)  # fmt: skip

STREAM_SWITCH = message(
    "LinkViewerToMacStreamSwitch", 0x00030033, "2.2.4.28", "C>S",
    u32("cStreamEntries", unit="entries"),
    array("aStreamEntries", count="cStreamEntries", count_unit=6, struct=STREAM_SWITCH_ENTRY,
          default=()),
    note="Selects streams. The answer is ReportStreamSwitch.",
)  # fmt: skip

CLIENT_MESSAGES = (
    CANCEL_READ_BLOCK,
    CLOSE_FILE,
    CONNECT,
    CONNECT_FUNNEL,
    FUNNEL_INFO,
    LOGGING,
    OPEN_FILE,
    PONG,
    READ_BLOCK,
    SECURITY_RESPONSE,
    START_PLAYING,
    START_STRIDING,
    STOP_PLAYING,
    STREAM_SWITCH,
)
