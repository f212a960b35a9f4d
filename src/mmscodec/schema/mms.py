"""MMS, the whole wire format ([MS-MMSP] 2.2): framing, Data, messages, structures, resend request.

All integers and floats are little-endian; messages are packed and padded to a multiple of 8.
"""

from __future__ import annotations

from collections.abc import Mapping

from mmscodec.schema.fields import (
    Message,
    Struct,
    array,
    must,
    raw,
    should,
    structure,
    u8,
    u16,
    u32,
    u64,
)
from mmscodec.schema.mms_client import CLIENT_MESSAGES, STREAM_SWITCH_ENTRY
from mmscodec.schema.mms_log import CLIENT_LOG, CLIENT_LOG_INFO
from mmscodec.schema.mms_server import SERVER_MESSAGES
from mmscodec.schema.values import AF_FLAGS, LOCATION_IDS

#: Ceiling on the bytes of one TcpMessageHeader packet, unless the caller names another.
MAX_PACKET = 16 << 20

SESSION_ID = 0xB00BFACE
SEAL = 0x20534D4D
RESEND_SIGNATURE = 0xBEEFF00D

TCP_MESSAGE_HEADER = structure(
    "TcpMessageHeader", "2.2.3",
    u8("rep", rule=must(1, loose=True), note="may differ in server packets"),
    u8("version", rule=must(0)),
    u8("versionMinor", rule=must(0)),
    u8("padding", rule=should(0, ignored=True)),
    u32("sessionId", rule=must(SESSION_ID), note="wire bytes CE FA 0B B0"),
    u32("messageLength", unit="bytes", note="from chunkCount to the end: the packet less 16"),
    u32("seal", rule=must(SEAL), note="wire bytes 4D 4D 53 20"),
    u32("chunkCount", unit="8 bytes",
        note="specification: the whole packet; every real peer: messageLength / 8"),
    u16("seq", note="packets of this sender so far, Data packets not counted"),
    u16("MBZ", rule=must(0), note="carry of seq from peers that treat both as one number"),
    u64("timeSent", unit="ms", note="SHOULD count from the first packet; anything goes, ignored"),
    raw("MMS message", default=b"", note="zero or more messages, messageLength - 16 bytes"),
)  # fmt: skip

DATA_PACKET = structure(
    "Data", "2.2.2",
    u32("LocationId", values=LOCATION_IDS,
        note="number of the ASF data packet in the file, or of the header fragment"),
    u8("playIncarnation", rule=must(low=1, high=0xFF), default=1,
       note="low byte of the triggering message's; 0xFF packet-pair, or pushed after StreamChange"),
    u8("AFFlags", values=AF_FLAGS,
       note="header fragments: flags; ASF data: low byte of a sequence number"),
    u16("PacketSize", unit="bytes", note="whole packet, these 8 bytes included"),
    raw("Payload", default=b"", note="ASF data packet, piece of the ASF header, or filler"),
)  # fmt: skip

RESEND = structure(
    "RequestPacketListResend", "2.2.5",
    u32("Signature", rule=must(RESEND_SIGNATURE), note="wire bytes 0D F0 EF BE"),
    u32("dwClientId", note="ReportFunnelInfo.nCubs"),
    u16("wSourceId", default=1, note="low 16 bits of ReportOpenFile.openFileId"),
    u16("wNumPackets", rule=must(low=1, high=32), unit="entries"),
    array("dwBeginPacketList", count="wNumPackets", count_unit=4,
          note="32-bit sequence numbers; AFFlags carries their low byte"),
)  # fmt: skip

NTLM_AUTH = structure(
    "NTLM_AUTH", "2.2.4.14.1",
    u32("Zero", rule=must(0)),
    u32("One", rule=must(1)),
    u32("Reserved1", note="ignored"),
    u32("NTLMTokenSize", unit="bytes"),
    u32("Two", rule=must(2)),
    u32("Reserved2", note="ignored"),
    raw("NTLMToken", count="NTLMTokenSize", secret=True, default=b""),
)  # fmt: skip

#: All 28 messages, servers' first, in the order of the specification.
MESSAGES: tuple[Message, ...] = SERVER_MESSAGES + CLIENT_MESSAGES
BY_NAME: Mapping[str, Message] = {item.name: item for item in MESSAGES}
BY_MID: Mapping[int, Message] = {item.mid: item for item in MESSAGES}

#: What names of messages begin with, and short ones do not.
PREFIXES = ("LinkViewerToMac", "LinkMacToViewer")
#: Names of messages without it, and the whole names.
SHORT_NAMES: Mapping[str, str] = {
    name.removeprefix(PREFIXES[0]).removeprefix(PREFIXES[1]): name for name in BY_NAME
}

#: What is not a message of 2.2.4, by name.
STRUCTS: Mapping[str, Struct] = {
    item.name: item
    for item in (
        TCP_MESSAGE_HEADER,
        DATA_PACKET,
        RESEND,
        NTLM_AUTH,
        STREAM_SWITCH_ENTRY,
        CLIENT_LOG,
        CLIENT_LOG_INFO,
    )
}


def full_name(name: str) -> str:
    """The whole name of a message; any other name as it is.

    >>> full_name("OpenFile"), full_name("LinkViewerToMacOpenFile"), full_name("flows")
    ('LinkViewerToMacOpenFile', 'LinkViewerToMacOpenFile', 'flows')
    """
    return SHORT_NAMES.get(name, name)


def short_name(name: str) -> str:
    """The name of a message without its prefix; any other name as it is.

    >>> short_name("LinkViewerToMacOpenFile"), short_name("flows")
    ('OpenFile', 'flows')
    """
    for prefix in PREFIXES:
        name = name.removeprefix(prefix)
    return name


def message_name(mid: int) -> str:
    """Name of a message row: by MID, or RequestPacketListResend, or the number.

    >>> message_name(0x00030001), message_name(0xBEEFF00D), message_name(0x00030099)
    ('LinkViewerToMacConnect', 'RequestPacketListResend', '0x00030099')
    """
    if mid in BY_MID:
        return BY_MID[mid].name
    return RESEND.name if mid == RESEND_SIGNATURE else f"0x{mid:08X}"
