"""Words that every table shares: who sent something, over what, and which protocol it is.

Rows hold the numbers; `flows`, Arrow tables, files, the command line and options hold the texts.
"""

from collections.abc import Mapping
from enum import IntEnum


class Direction(IntEnum):
    """Who sent it: the client, which opened the connection, or the server."""

    UNKNOWN = 0
    TO_SERVER = 1
    TO_CLIENT = 2


class Transport(IntEnum):
    """What carried it, by its number in the header of IP."""

    TCP = 6
    UDP = 17


class Protocol(IntEnum):
    """What was recognised in a flow."""

    UNKNOWN = 0
    MMS = 1
    WINMX = 2


C2S, S2C = "C>S", "S>C"
DIRECTIONS: Mapping[int, str] = {
    Direction.UNKNOWN: "", Direction.TO_SERVER: C2S, Direction.TO_CLIENT: S2C
}  # fmt: skip
TRANSPORTS: Mapping[int, str] = {item: item.name.lower() for item in Transport}
PROTOCOLS: Mapping[int, str] = {Protocol.UNKNOWN: "", Protocol.MMS: "mms", Protocol.WINMX: "winmx"}


def direction_number(text: str) -> Direction:
    """The number of a direction, from its text."""
    for number, known in DIRECTIONS.items():
        if known == text:
            return Direction(number)
    raise ValueError(f"direction is '{C2S}', '{S2C}' or '' (not known), not {text!r}")
