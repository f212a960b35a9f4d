"""Fault codes and the names of the fields that faults point at, for all layers.

Kernels write the numbers; `text` says them in words. Ranges: 1 to 31 common, 32 to 63 MMS,
64 to 95 WinMX, 128 and up captures (files 128, networks 160, transport 192).
"""

from __future__ import annotations

from enum import IntEnum, unique


@unique
class FaultCode(IntEnum):
    """What was wrong with the bytes."""

    UNKNOWN_STRUCTURE = 1  # neither of the structures that may stand here
    TOO_LONG = 2  # longer than the ceiling the caller set
    TRUNCATED = 3  # the input ended inside a packet, message or field

    BAD_MESSAGE_LENGTH = 32  # under 16, or no multiple of 8
    BAD_SEAL = 33  # sessionId is there, seal is not
    BAD_CHUNK_LEN = 34  # 0, or past the end of the packet
    SHORT_MESSAGE = 35  # smaller than the fixed part of its kind
    BAD_PACKET_SIZE = 36  # a Data packet of 8 bytes or less
    DATAGRAM_LENGTH = 37  # a datagram longer or shorter than its own length field says

    BAD_LENGTH = 64  # 0x03A1 data that is no multiple of 12, or no multiple of its unit
    SHORT_FIELD = 65  # the packet ends inside a field
    UNTERMINATED = 66  # a string without its 00 byte
    BAD_KEY_BLOCK = 67  # a key block that does not check
    CIPHER_BROKEN_BY_GAP = 68  # what follows missing bytes of an enciphered stream
    SERVER_KEY_BLOCK_MISSING = 69  # of a connection whose keys were not captured
    SURPLUS_BYTES = 70  # behind the end of what one side says

    FILE_TRUNCATED = 128  # the file ends inside a record or block
    BAD_RECORD = 129  # a header of a record that cannot be true; the next record is searched for
    BAD_BLOCK = 130  # a block of pcapng whose lengths or fields cannot be true
    BAD_COMPRESSION = 131  # compressed data that is damaged, or ends early
    FILES_OVERLAP = 132  # more files at the same time than are read side by side
    BEYOND_LIMIT = 133  # good, as far as is known, but more than this package takes on

    FRAGMENT_DROPPED = 160  # fragments of IP that were never a whole datagram
    BAD_NETWORK_HEADER = 161  # a header of a frame that contradicts itself, or ends early
    TUNNEL_DEPTH = 162  # more headers inside each other than are followed
    SNAPPED = 163  # bytes of a frame that the snap length left out

    GAP = 192  # bytes of a flow that are missing
    OVERLAP_CONFLICT = 193  # copies of bytes that differ; the first copy counts
    PENDING_DROPPED = 194  # segments behind a hole that were given up at a ceiling
    FLOW_EVICTED = 195  # a connection that was given up, as the ceiling of open ones was reached
    BAD_CHECKSUM = 196  # of bytes that a later copy put right; rows made of them may be wrong
    FLOW_TIMED_OUT = 197  # a connection to which nothing came for too long


#: Field numbers in fault rows. The names are the specification's own.
FAULT_FIELDS: dict[int, str] = {
    0: "",
    1: "sessionId",
    2: "messageLength",
    3: "seal",
    4: "chunkLen",
    5: "PacketSize",
    6: "MID",
    7: "datagram",
    8: "wNumPackets",
    9: "chunkCount",
    64: "type",
    65: "length",
    66: "data",
    67: "key block",
    128: "caplen",
    129: "block length",
    130: "link header",
    131: "IP header",
    132: "fragment",
    133: "TCP header",
    134: "sequence number",
    135: "UDP header",
    136: "magic",
    137: "interface",
    138: "version",
    139: "option",
    140: "compressed data",
    160: "tunnel header",
}

FAULT_SECTIONS: dict[int, str] = {
    FaultCode.UNKNOWN_STRUCTURE: "3.1.5.2",
    FaultCode.TOO_LONG: "2.2.3",
    FaultCode.BAD_MESSAGE_LENGTH: "2.2.3",
    FaultCode.BAD_SEAL: "2.2.3",
    FaultCode.BAD_CHUNK_LEN: "2.2.4",
    FaultCode.SHORT_MESSAGE: "2.2.4",
    FaultCode.BAD_PACKET_SIZE: "2.2.2",
    FaultCode.DATAGRAM_LENGTH: "2.2.2",
    FaultCode.BAD_KEY_BLOCK: "6.1",
    FaultCode.CIPHER_BROKEN_BY_GAP: "6.3",
    FaultCode.SERVER_KEY_BLOCK_MISSING: "5.2",
    FaultCode.SURPLUS_BYTES: "7.1",
}


#: Fields from here on are those of other things than MMS: no section of its specification.
OTHER_FIELDS = 64


def fault_name(code: int) -> str:
    """The name of a fault in lower case words."""
    try:
        return FaultCode(code).name.lower().replace("_", " ")
    except ValueError:
        return f"fault {code}"


def text(
    code: int, field: int, offset: int, length: int, need: int, have: int, *, cited: bool = True
) -> str:
    """One line for people: what, where, how much was needed, how much was there.

    With `cited` also the section of [MS-MMSP], where the field is one of its own.
    """
    words = [f"0x{offset:x}: {fault_name(code)}"]
    if FAULT_FIELDS.get(field):
        words.append(f"in {FAULT_FIELDS[field]}")
    words.append(f"(need {need}, have {have})")
    if length:
        words.append(f"{length} bytes skipped")
    if cited and code in FAULT_SECTIONS and field < OTHER_FIELDS:
        words.append(f"[{FAULT_SECTIONS[code]}]")
    return " ".join(words)
