"""Findings: rules of the specification that a good row breaks. Codes, severities, field numbers.

A finding is no fault: the row was understood. Three severities keep what every real peer does
apart from what is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import IntEnum, unique

from mmscodec.schema import mms
from mmscodec.schema.fields import Field, Struct


@unique
class Severity(IntEnum):
    """How much a finding matters."""

    VIOLATION = 1  # a MUST rule is broken
    DEVIATION = 2  # a SHOULD rule is broken, or a MUST rule in a way real peers are known for
    UNINITIALISED = 3  # a field that receivers ignore and real software leaves uninitialised


@unique
class FindingTable(IntEnum):
    """The table whose row a finding is about."""

    PACKETS = 1
    MESSAGES = 2
    DATA = 3


@unique
class FindingCode(IntEnum):
    """Which kind of rule is broken."""

    NOT_EQUAL = 1
    NOT_ONE_OF = 2
    OUT_OF_RANGE = 3
    BAD_GRAMMAR = 4
    CHUNK_COUNT = 16
    SEQ_START = 17
    SEQ_STEP = 18
    SEQ_CARRY = 19
    TIME_BACKWARDS = 20
    SEVERAL_MESSAGES = 21
    UNKNOWN_MID = 32
    WRONG_DIRECTION = 33
    SURPLUS_PADDING = 34
    COUNT_OVERRUN = 35
    MISSING_NUL = 36
    INNER_NUL = 37
    ODD_COUNT = 38
    VERSION_URL_MISSING = 39
    START_UNCLEAR = 40
    TOKEN_PLACE = 41
    EMPTY_TEXT = 42
    NOT_THE_START = 43
    NOT_THE_FILE = 44
    NO_LOCATION = 45
    HEADER_FLAGS = 64
    PAIR_SIZE = 65
    OVER_PACKET_SIZE = 66


#: What each code says, for people.
FINDING_TEXTS: Mapping[FindingCode, str] = {
    FindingCode.NOT_EQUAL: "wrong value",
    FindingCode.NOT_ONE_OF: "none of the values allowed",
    FindingCode.OUT_OF_RANGE: "out of range",
    FindingCode.BAD_GRAMMAR: "does not follow the grammar",
    FindingCode.CHUNK_COUNT: "chunkCount is not the whole packet / 8",
    FindingCode.SEQ_START: "the first packet is not number 0",
    FindingCode.SEQ_STEP: "does not follow the packet before",
    FindingCode.SEQ_CARRY: "seq is carried into MBZ",
    FindingCode.TIME_BACKWARDS: "less than in the packet before",
    FindingCode.SEVERAL_MESSAGES: "several messages in one packet",
    FindingCode.UNKNOWN_MID: "no such message in the specification",
    FindingCode.WRONG_DIRECTION: "a message of the other direction",
    FindingCode.SURPLUS_PADDING: "more padding than needed",
    FindingCode.COUNT_OVERRUN: "claims more than the message holds",
    FindingCode.MISSING_NUL: "not NUL-terminated",
    FindingCode.INNER_NUL: "a NUL inside",
    FindingCode.ODD_COUNT: "an odd number of bytes for UTF-16",
    FindingCode.VERSION_URL_MISSING: "VersionInfo without VersionUrl",
    FindingCode.START_UNCLEAR: "exactly one of position, asfOffset and locationId says the start",
    FindingCode.TOKEN_PLACE: "token and cbtoken do not go together",
    FindingCode.NO_LOCATION: "a redirect to another URL names none",
    FindingCode.EMPTY_TEXT: "an empty string is sent as '-'",
    FindingCode.NOT_THE_START: "not that of the latest StartPlaying or StartStriding",
    FindingCode.NOT_THE_FILE: "neither 0 nor openFileId",
    FindingCode.HEADER_FLAGS: "not the AFFlags of a header fragment",
    FindingCode.PAIR_SIZE: "not the size of a packet-pair packet",
    FindingCode.OVER_PACKET_SIZE: "payload longer than filePacketSize",
}


def paths(struct: Struct, prefix: str = "") -> Iterator[tuple[str, Field]]:
    """Every field of a structure with its dotted specification name, nested ones included."""
    for field in struct.fields:
        if field.kind == "struct" and field.struct is not None:
            yield from paths(field.struct, f"{prefix}{field.name}.")
        else:
            yield prefix + field.name, field


def _numbered() -> dict[int, tuple[Struct, str, Field]]:
    structs = (
        mms.TCP_MESSAGE_HEADER, mms.DATA_PACKET, mms.RESEND, mms.STREAM_SWITCH_ENTRY,
        mms.NTLM_AUTH, *mms.MESSAGES,
    )  # fmt: skip
    rows = [(struct, path, field) for struct in structs for path, field in paths(struct)]
    return dict(enumerate(rows, 1))


#: Field number in a finding -> (structure, dotted specification name, field); 0 = no one field.
FINDING_FIELDS: Mapping[int, tuple[Struct, str, Field]] = _numbered()

#: (structure name, dotted specification name) -> field number.
FIELD_NUMBERS: Mapping[tuple[str, str], int] = {
    (struct.name, path): number for number, (struct, path, _) in FINDING_FIELDS.items()
}
