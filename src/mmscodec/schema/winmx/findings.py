"""What a WinMX finding can say. Rows have the dtype that MMS findings have."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum, unique


@unique
class Table(IntEnum):
    """The table whose row a finding is about."""

    PACKETS = 1
    NODES = 4


@unique
class Finding(IntEnum):
    """Which kind of rule is broken. The first four mean the same in MMS."""

    NOT_EQUAL = 1
    NOT_ONE_OF = 2
    OUT_OF_RANGE = 3
    BAD_GRAMMAR = 4
    RECORD_COUNT = 128
    UNUSABLE_ADDRESS = 129
    UNUSABLE_PORT = 130
    X_RANGE = 131
    RESERVED_NOT_ZERO = 132
    SURPLUS = 133
    UNKNOWN_TYPE = 134


#: What each code says, for people.
TEXTS: Mapping[int, str] = {
    Finding.NOT_EQUAL: "wrong value",
    Finding.NOT_ONE_OF: "none of the values known",
    Finding.OUT_OF_RANGE: "out of range",
    Finding.BAD_GRAMMAR: "does not follow the grammar",
    Finding.RECORD_COUNT: "a node list of other than eight records",
    Finding.UNUSABLE_ADDRESS: "an unusable record: its address is 0.0.0.0",
    Finding.UNUSABLE_PORT: "an unusable record: its TCP port is 0",
    Finding.X_RANGE: "X is above 2",
    Finding.RESERVED_NOT_ZERO: "the last byte of a record is not 0",
    Finding.SURPLUS: "bytes behind the last field",
    Finding.UNKNOWN_TYPE: "a packet type that no notes know on this link",
}

#: Section of docs/spec/winmx.md, by code.
SECTIONS: Mapping[int, str] = {
    Finding.RECORD_COUNT: "4.2",
    Finding.UNUSABLE_ADDRESS: "4.2",
    Finding.UNUSABLE_PORT: "4.2",
    Finding.X_RANGE: "4.1",
    Finding.RESERVED_NOT_ZERO: "4.1",
}

VIOLATION, DEVIATION = 1, 2
