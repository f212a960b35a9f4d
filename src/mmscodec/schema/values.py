"""Names of values: HRESULTs, enumerations and flags of MMS, as people read them."""

from __future__ import annotations

from collections.abc import Mapping

MMS_DISABLE_PACKET_PAIR = 0xF0F0F0EF
MMS_USE_PACKET_PAIR = 0xF0F0F0F0
MMS_PACKET_PAIR_TCP_HIGH_ENTROPY = 0xF0F0F0F1
MMS_PACKET_PAIR_UDP_HIGH_ENTROPY = 0xF0F0F901

#: playIncarnation of Connect and ReportConnectedEX: a constant, not the tag of a request.
PACKET_PAIR_OFFER: Mapping[int, str] = {
    MMS_DISABLE_PACKET_PAIR: "MMS_DISABLE_PACKET_PAIR",
    MMS_USE_PACKET_PAIR: "MMS_USE_PACKET_PAIR",
}

#: playIncarnation of FunnelInfo and ReportFunnelInfo.
PACKET_PAIR_MODE: Mapping[int, str] = {
    **PACKET_PAIR_OFFER,
    MMS_PACKET_PAIR_TCP_HIGH_ENTROPY: "MMS_PACKET_PAIR_TCP_HIGH_ENTROPY",
    MMS_PACKET_PAIR_UDP_HIGH_ENTROPY: "MMS_PACKET_PAIR_UDP_HIGH_ENTROPY",
}

#: Bits of ReportOpenFile.fileAttributes.
FILE_ATTRIBUTES: Mapping[int, str] = {
    0x00800000: "FILE_ATTRIBUTE_MMS_CANSTRIDE",
    0x01000000: "FILE_ATTRIBUTE_MMS_CANSEEK",
    0x02000000: "FILE_ATTRIBUTE_MMS_BROADCAST",
    0x04000000: "FILE_ATTRIBUTE_MMS_LIVE",
    0x40000000: "FILE_ATTRIBUTE_MMS_PLAYLIST",
}

#: AFFlags of ASF header fragments and packet-pair packets. Bit 0x08 = last fragment. For ASF data
#: packets the field is the low byte of a sequence number instead.
AF_FLAGS: Mapping[int, str] = {
    0x00: "middle header fragment",
    0x04: "first header fragment, more follow",
    0x08: "last header fragment",
    0x0C: "last or only header fragment",
    0x10: "packet-pair packet",
}

LOCATION_IDS: Mapping[int, str] = {
    0xF0F0F000: "first packet-pair packet",
    0xF0F0F001: "second packet-pair packet",
}

#: The `kind` column of data tables.
DATA_KINDS: Mapping[int, str] = {0: "media", 1: "header", 2: "packet-pair"}

REDIRECT_TYPES: Mapping[int, str] = {
    0x0001: "use another URL",
    0x0002: "use another proxy, or none if the location is empty",
}

THINNING_LEVELS: Mapping[int, str] = {
    0x0000: "send every media object",
    0x0001: "send key frames only",
    0x0002: "send nothing",
}

NOT_USED: Mapping[int, str] = {0xFFFFFFFF: "not used", 0x00000000: "not used"}

#: ReportEndOfStream gives two HRESULTs a meaning of their own.
END_OF_STREAM: Mapping[int, str] = {
    0x00000000: "finished, or StopPlaying carried out",
    0x00000001: "finished, a ReportStreamChange follows",
}

#: MIDs that Wireshark names and the specification does not.
FOREIGN_MIDS: Mapping[int, str] = {
    0x00030003: "protocol selection error",
    0x00030030: "connection or request, unknown",
    0x00040018: "unknown report",
}

#: HRESULT -> (name in [MS-ERREF], what it means).
HRESULTS: Mapping[int, tuple[str, str]] = {
    0x00000000: ("S_OK", "success"),
    0x00000001: ("S_FALSE", "success, with a remark"),
    0x80004001: ("E_NOTIMPL", "not implemented"),
    0x80004002: ("E_NOINTERFACE", "no such interface"),
    0x80004003: ("E_POINTER", "invalid pointer"),
    0x80004004: ("E_ABORT", "operation aborted"),
    0x80004005: ("E_FAIL", "unspecified failure"),
    0x8000FFFF: ("E_UNEXPECTED", "unexpected failure; file failed to open"),
    0x80070002: ("ERROR_FILE_NOT_FOUND", "file not found"),
    0x80070003: ("ERROR_PATH_NOT_FOUND", "path not found"),
    0x80070005: ("E_ACCESSDENIED", "access denied"),
    0x80070006: ("E_HANDLE", "invalid handle"),
    0x8007000D: ("ERROR_INVALID_DATA", "invalid data"),
    0x8007000E: ("E_OUTOFMEMORY", "out of memory"),
    0x80070020: ("ERROR_SHARING_VIOLATION", "file is in use"),
    0x80070032: ("ERROR_NOT_SUPPORTED", "request not supported"),
    0x80070057: ("E_INVALIDARG", "invalid parameter"),
    0x8007007B: ("ERROR_INVALID_NAME", "invalid file name"),
    0x8007052E: ("ERROR_LOGON_FAILURE", "logon failure"),
    0xC00D0005: ("NS_E_NOCONNECTION", "no connection to the server"),
    0xC00D0006: ("NS_E_CANNOTCONNECT", "cannot connect to the server"),
    0xC00D000C: ("NS_E_NOFUNNEL", "no funnel"),
    0xC00D000E: ("NS_E_NETWORK_BUSY", "network busy"),
    0xC00D000F: ("NS_E_TOO_MANY_SESS", "too many sessions on the server"),
    0xC00D0010: ("NS_E_ALREADY_CONNECTED", "already connected"),
    0xC00D0011: ("NS_E_INVALID_INDEX", "invalid index"),
    0xC00D0012: ("NS_E_PROTOCOL_MISMATCH", "protocol versions do not match"),
    0xC00D0013: ("NS_E_TIMEOUT", "no timely response from the server"),
    0xC00D0014: ("NS_E_NET_WRITE", "error writing to the network"),
    0xC00D0015: ("NS_E_NET_READ", "error reading from the network"),
    0xC00D0018: ("NS_E_FILE_WRITE", "error writing a file"),
    0xC00D0019: ("NS_E_FILE_READ", "error reading a file"),
    0xC00D001A: ("NS_E_FILE_NOT_FOUND", "file not found"),
    0xC00D001B: ("NS_E_FILE_EXISTS", "file exists already"),
    0xC00D001C: ("NS_E_INVALID_NAME", "invalid name"),
    0xC00D001D: ("NS_E_FILE_OPEN_FAILED", "file failed to open"),
    0xC00D001F: ("NS_E_FILE_INIT_FAILED", "file failed to initialise"),
    0xC00D0020: ("NS_E_FILE_PLAY_FAILED", "file failed to play"),
    0xC00D0024: ("NS_E_INTERNAL", "internal server error"),
    0xC00D0025: ("NS_E_BUSY", "busy"),
    0xC00D0026: ("NS_E_UNRECOGNIZED_STREAM_TYPE", "unrecognised stream type"),
    0xC00D0027: ("NS_E_NETWORK_SERVICE_FAILURE", "network service failure"),
    0xC00D0028: ("NS_E_NETWORK_RESOURCE_FAILURE", "network resource failure"),
    0xC00D0029: ("NS_E_CONNECTION_FAILURE", "network failure, connection lost"),
    0xC00D002A: ("NS_E_SHUTDOWN", "shutting down"),
    0xC00D002B: ("NS_E_INVALID_REQUEST", "invalid request"),
    0xC00D002C: ("NS_E_INSUFFICIENT_BANDWIDTH", "insufficient bandwidth"),
    0xC00D002E: ("NS_E_LATE_OPERATION", "operation came too late"),
    0xC00D002F: ("NS_E_INVALID_DATA", "invalid data"),
    0xC00D0030: ("NS_E_FILE_BANDWIDTH_LIMIT", "bandwidth limit of files reached"),
    0xC00D0031: ("NS_E_OPEN_FILE_LIMIT", "limit of open files reached"),
    0xC00D0032: ("NS_E_BAD_CONTROL_DATA", "bad control data"),
    0xC00D0033: ("NS_E_NO_STREAM", "no such stream"),
    0xC00D0034: ("NS_E_STREAM_END", "no more data in the stream"),
    0xC00D0035: ("NS_E_SERVER_NOT_FOUND", "server not found"),
}


def hresult_text(value: int) -> str:
    """An HRESULT for people.

    >>> hresult_text(0xC00D001A), hresult_text(0), hresult_text(0x80040200)
    ('NS_E_FILE_NOT_FOUND (0xC00D001A): file not found', 'S_OK', '0x80040200')
    """
    if value in HRESULTS:
        name, meaning = HRESULTS[value]
        return name if value == 0 else f"{name} (0x{value:08X}): {meaning}"
    return f"0x{value:08X}" + (" (vendor-defined)" if value & 0x20000000 else "")


def flags_text(value: int, names: Mapping[int, str]) -> str:
    """Names of the bits that are set, joined by "|"; unknown bits in hexadecimal.

    >>> flags_text(0x05000001, FILE_ATTRIBUTES)
    'FILE_ATTRIBUTE_MMS_CANSEEK|FILE_ATTRIBUTE_MMS_LIVE|0x00000001'
    """
    words = []
    for bit, name in sorted(names.items()):
        if value & bit:
            words.append(name)
            value &= ~bit
    if value or not words:
        words.append(f"0x{value:08X}" if value else "0")
    return "|".join(words)


def version_text(value: int) -> str:
    """A version of four 16-bit parts, major in the most significant one (2.2.1.1).

    >>> version_text(0x0009_0000_0000_0BB7)
    '9.0.0.2999'
    """
    return ".".join(str(value >> shift & 0xFFFF) for shift in (48, 32, 16, 0))
