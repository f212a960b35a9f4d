"""The 14 messages that servers send (LinkMacToViewer..., MID 0x0004xxxx)."""

from __future__ import annotations

from mmscodec.schema.fields import f64, message, must, raw, should, u16, u32, u64, utf16
from mmscodec.schema.values import (
    END_OF_STREAM,
    FILE_ATTRIBUTES,
    HRESULTS,
    PACKET_PAIR_MODE,
    PACKET_PAIR_OFFER,
    REDIRECT_TYPES,
)

_HR_NAMES = {value: name for value, (name, _) in HRESULTS.items()}
_VERSION = r"[0-9]{1,2}\.[0-9]{1,2}(\.[0-9]{1,4}){0,2}"


def _hr(note: str, **options):
    return u32("hr", unit="HRESULT", note=note, **{"values": _HR_NAMES, **options})


def _ignored(name: str, note: str = ""):
    return u32(name, rule=should(0, ignored=True), note=note)


def _text(name: str, count: str, note: str, **options):
    return utf16(name, count=count, count_unit=2, nul="counted", note=note, **options)


def _units(name: str, of: str, note: str = ""):
    return u32(name, unit="UTF-16 units", note=f"length of {of}, NUL included{note}")


PING = message(
    "LinkMacToViewerPing", 0x0004001B, "2.2.4.1", "S>C",
    _ignored("dwParam1"),
    _ignored("dwParam2"),
    note="Sent when the KeepAlive timer expires; the answer is Pong.",
)  # fmt: skip

REPORT_CONNECTED_EX = message(
    "LinkMacToViewerReportConnectedEX", 0x00040001, "2.2.4.2", "S>C",
    _hr("result of Connect"),
    u32("playIncarnation", rule=must(one_of=tuple(PACKET_PAIR_OFFER)), values=PACKET_PAIR_OFFER,
        note="whether the server can run a packet-pair experiment"),
    u32("MacToViewerProtocolRevision", rule=must(0x0004000B)),
    u32("ViewerToMacProtocolRevision", rule=must(0x0003001C)),
    f64("blockGroupPlayTime", rule=must(1.0)),
    u32("blockGroupBlocks", rule=must(1)),
    u32("nMaxOpenFiles", rule=must(1)),
    u32("nBlockMaxBytes", rule=must(0x8000), unit="bytes"),
    u32("maxBitRate", rule=must(0x00989680, known=(0x00A00000,), loose=True), unit="bit/s",
        note="arbitrary from NT 4.0 and Windows 2000 servers"),
    _units("cbServerVersionInfo", "ServerVersionInfo"),
    _units("cbVersionInfo", "VersionInfo", "; 0 = absent"),
    _units("cbVersionUrl", "VersionUrl", "; 0 = absent"),
    _units("cbAuthenPackage", "AuthenPackage", "; 0 = absent"),
    _text("ServerVersionInfo", "cbServerVersionInfo", "server version", default="9.0",
          rule=must(pattern=_VERSION)),
    _text("VersionInfo", "cbVersionInfo", "client version offered as an upgrade", optional=True,
          rule=must(pattern=_VERSION)),
    _text("VersionUrl", "cbVersionUrl", "where that version is", optional=True),
    _text("AuthenPackage", "cbAuthenPackage", "authentication scheme", optional=True,
          rule=must(one_of=("BASIC", "NTLM"))),
    note="Answer to Connect.",
)  # fmt: skip

REPORT_CONNECTED_FUNNEL = message(
    "LinkMacToViewerReportConnectedFunnel", 0x00040002, "2.2.4.3", "S>C",
    _hr("", rule=must(0)),
    _ignored("playIncarnation"),
    _ignored("packetPayloadSize"),
    utf16("funnelName", nul="first",
          rule=must("Funnel Of The Gods", known=("Funnel Of The ",)),
          note="no length field, no NUL required; Windows 2000 servers stop after 'The '"),
    note="Positive answer to ConnectFunnel.",
)  # fmt: skip

REPORT_DISCONNECTED_FUNNEL = message(
    "LinkMacToViewerReportDisconnectedFunnel", 0x00040003, "2.2.4.4", "S>C",
    _hr("why ConnectFunnel failed"),
    _ignored("playIncarnation"),
    note="Negative answer to ConnectFunnel.",
)  # fmt: skip

REPORT_END_OF_STREAM = message(
    "LinkMacToViewerReportEndOfStream", 0x0004001E, "2.2.4.5", "S>C",
    _hr("other values: any HRESULT", values=END_OF_STREAM),
    u32("playIncarnation", note="that of StopPlaying, else of the latest Start*"),
    note="Answer to StopPlaying, or the end of a playlist entry.",
)  # fmt: skip

REPORT_FUNNEL_INFO = message(
    "LinkMacToViewerReportFunnelInfo", 0x00040015, "2.2.4.6", "S>C",
    _hr("result of FunnelInfo"),
    u32("playIncarnation", rule=must(one_of=tuple(PACKET_PAIR_MODE)), values=PACKET_PAIR_MODE,
        note="packet-pair mode the server uses"),
    u32("transportMask", rule=must(8)),
    u32("nBlockFragments", rule=must(1)),
    u32("fragmentBytes", rule=must(0x00010000)),
    u32("nCubs", note="client id chosen by the server, echoed in RequestPacketListResend"),
    u32("failedCubs", rule=must(0)),
    u32("nDisks", rule=must(1)),
    u32("decluster", rule=must(0)),
    u32("cubddDatagramSize", rule=must(0)),
    raw("Packet-pair packet", optional=True,
        note="random filler to the end, with playIncarnation 0xF0F0F0F0 or 0xF0F0F0F1 only"),
    note="Answer to FunnelInfo; three of them where the filler is sent.",
)  # fmt: skip

REPORT_OPEN_FILE = message(
    "LinkMacToViewerReportOpenFile", 0x00040006, "2.2.4.7", "S>C",
    _hr("result of OpenFile"),
    u32("playIncarnation", note="that of the OpenFile or SecurityResponse being answered"),
    u32("openFileId", note="handle of the file, echoed by the client"),
    _ignored("padding"),
    u32("fileName", rule=must(0), note="a number despite its name"),
    u32("fileAttributes", values=FILE_ATTRIBUTES, flags=True),
    f64("fileDuration", unit="s", note="0 when unknown; -1e-7 from real servers for live content"),
    u32("fileBlocks", unit="s", note="duration in whole seconds, rounded up"),
    raw("unused1", size=16, rule=must(bytes(16))),
    u32("filePacketSize", unit="bytes", note="longest ASF data packet"),
    u64("filePacketCount", unit="packets", note="0 when unknown; 0xFFFFFFFF seen for live"),
    u32("fileBitRate", unit="bit/s", note="sum of the maximum bit rates of all streams"),
    u32("fileHeaderSize", unit="bytes", note="length of the ASF file header"),
    raw("unused2", size=36, rule=must(bytes(36), ignored=True)),
    note="Answer to OpenFile or SecurityResponse.",
)  # fmt: skip

REPORT_READ_BLOCK = message(
    "LinkMacToViewerReportReadBlock", 0x00040011, "2.2.4.8", "S>C",
    _hr("result of ReadBlock"),
    u32("playIncarnation", note="that of ReadBlock"),
    u32("playSequence", rule=must(0)),
    note="Answer to ReadBlock; the ASF file header follows in Data packets.",
)  # fmt: skip

REPORT_REDIRECT = message(
    "LinkMacToViewerReportRedirect", 0x00040022, "2.2.4.9", "S>C",
    _hr("result of OpenFile"),
    u16("RedirectType", default=2, rule=must(one_of=tuple(REDIRECT_TYPES)), values=REDIRECT_TYPES),
    u16("cbLocation", unit="bytes", note="length of wszLocation, NUL included"),
    utf16("wszLocation", count="cbLocation", nul="counted", default="",
          rule=must(pattern=r"((mms|mmsu|mmst)://[^\0]+)?"),
          note="URL; may be just the NUL for type 2"),
    note="Answer to OpenFile or SecurityResponse; both sides then close.",
)  # fmt: skip

REPORT_STARTED_PLAYING = message(
    "LinkMacToViewerReportStartedPlaying", 0x00040005, "2.2.4.10", "S>C",
    _hr("result of StartPlaying"),
    u32("playIncarnation", note="that of StartPlaying"),
    u32("tigerFileId", note="SHOULD = openFileId, ignored; Windows sends 0 or openFileId"),
    u32("unused1", rule=must(one_of=(0, 0x40000000), ignored=True)),
    raw("unused2", size=12, rule=must(bytes(12))),
    note="Answer to StartPlaying; ASF data packets follow.",
)  # fmt: skip

REPORT_START_STRIDING = message(
    "LinkMacToViewerReportStartStriding", 0x0004000A, "2.2.4.11", "S>C",
    _hr("result of StartStriding"),
    u32("playIncarnation", note="that of StartStriding"),
    u32("spare", rule=must(0)),
    note="Answer to StartStriding; ASF data packets follow.",
)  # fmt: skip

REPORT_STREAM_CHANGE = message(
    "LinkMacToViewerReportStreamChange", 0x00040020, "2.2.4.12", "S>C",
    _hr("", rule=must(0)),
    u32("dwTcpHdrIncarnation", rule=must(0xFF), note="tag of a new entry pushed over TCP"),
    u32("cbPacketSize", unit="bytes", note="longest ASF data packet of the new entry"),
    u32("cbHeaderSize", unit="bytes", note="ASF file header of the new entry"),
    u32("dwBitRate", unit="bit/s", note="sum of the new entry's maximum bit rates"),
    _ignored("dwStreamId"),
    note="Unsolicited: the next playlist entry begins.",
)  # fmt: skip

REPORT_STREAM_SWITCH = message(
    "LinkMacToViewerReportStreamSwitch", 0x00040021, "2.2.4.13", "S>C",
    _hr("result of StreamSwitch"),
    note="Answer to StreamSwitch, paired by order.",
)  # fmt: skip

SECURITY_CHALLENGE = message(
    "LinkMacToViewerSecurityChallenge", 0x0004001A, "2.2.4.14", "S>C",
    u32("playIncarnation", note="that of the OpenFile or SecurityResponse; there is no hr"),
    u32("cookie", note="echoed by SecurityResponse"),
    u32("cbToken", unit="bytes", note="length of pToken"),
    raw("pToken", count="cbToken", secret=True, default=b"",
        note="Basic: UTF-16LE text; NTLM: 00 00, then nothing, NTLM_AUTH or a raw challenge"),
    note="Answer to OpenFile or SecurityResponse when credentials are needed.",
)  # fmt: skip

SERVER_MESSAGES = (
    PING,
    REPORT_CONNECTED_EX,
    REPORT_CONNECTED_FUNNEL,
    REPORT_DISCONNECTED_FUNNEL,
    REPORT_END_OF_STREAM,
    REPORT_FUNNEL_INFO,
    REPORT_OPEN_FILE,
    REPORT_READ_BLOCK,
    REPORT_REDIRECT,
    REPORT_STARTED_PLAYING,
    REPORT_START_STRIDING,
    REPORT_STREAM_CHANGE,
    REPORT_STREAM_SWITCH,
    SECURITY_CHALLENGE,
)
