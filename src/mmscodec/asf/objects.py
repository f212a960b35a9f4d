"""Objects of an ASF header: a walk that trusts no size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID

from mmscodec.asf.reading import u64_at

_MAX_OBJECTS = 10_000
OBJECT_SIZE = 24  # GUID and size


def _guid(text: str) -> bytes:
    return UUID(text).bytes_le


HEADER = _guid("75B22630-668E-11CF-A6D9-00AA0062CE6C")
DATA = _guid("75B22636-668E-11CF-A6D9-00AA0062CE6C")
FILE_PROPERTIES = _guid("8CABDCA1-A947-11CF-8EE4-00C00C205365")
STREAM_PROPERTIES = _guid("B7DC0791-A9B7-11CF-8EE6-00C00C205365")
HEADER_EXTENSION = _guid("5FBF03B5-A92E-11CF-8EE3-00C00C205365")
CODEC_LIST = _guid("86D15240-311D-11D0-A3A4-00A0C90348F6")
CONTENT_DESCRIPTION = _guid("75B22633-668E-11CF-A6D9-00AA0062CE6C")
EXTENDED_CONTENT = _guid("D2D0A440-E307-11D2-97F0-00A0C95EA850")
STREAM_BIT_RATES = _guid("7BF875CE-468D-11D1-8D82-006097C9A2B2")
EXTENDED_STREAM = _guid("14E6A5CB-C672-4332-8399-A96952065B5A")
LANGUAGES = _guid("7C4346A9-EFE0-4BFC-B229-393EDE415C85")
CONTENT_ENCRYPTION = _guid("2211B3FB-BD23-11D2-B4B7-00A0C955FC6E")
EXTENDED_ENCRYPTION = _guid("298AE614-2622-4C17-B935-DAE07EE9289C")
ADVANCED_ENCRYPTION = _guid("43058533-6981-49E6-9B74-AD12CB86D58C")

STREAM_TYPES = {
    _guid("F8699E40-5B4D-11CF-A8FD-00805F5C442B"): "audio",
    _guid("BC19EFC0-5B4D-11CF-A8FD-00805F5C442B"): "video",
    _guid("59DACFC0-59E6-11D0-A3AC-00A0C90348F6"): "command",
    _guid("B61BE100-5B4E-11CF-A8FD-00805F5C442B"): "jpeg",
    _guid("35907DE0-E415-11CF-A917-00805F5C442B"): "degradable jpeg",
    _guid("91BD222C-F21C-497A-8B6D-5AA86BFC0185"): "file transfer",
    _guid("3AFB65E2-47EF-40F2-AC2C-70A90D71D343"): "binary",
}


class Object(NamedTuple):
    """One object: its GUID, where it starts, and where its body lies."""

    guid: bytes
    offset: int
    start: int
    end: int


def walk(
    data: bytes | memoryview, start: int, end: int, problems: list[tuple[int, str]]
) -> Iterator[Object]:
    """Objects between two positions; one with an impossible size ends the walk.

    What is wrong goes to `problems` as (offset, words).
    """
    at = start
    for _ in range(_MAX_OBJECTS):
        left = end - at
        if left == 0:
            return
        if left < OBJECT_SIZE:
            problems.append((at, f"{left} bytes behind the last object"))
            return
        size = u64_at(data, at + 16)
        if size < OBJECT_SIZE:
            problems.append((at, f"object size {size}, less than its own header of 24 bytes"))
            return
        if size > left:
            problems.append((at, f"object size {size}, only {left} bytes are left"))
            return
        yield Object(bytes(data[at : at + 16]), at, at + OBJECT_SIZE, at + size)
        at += size
    problems.append((at, f"more than {_MAX_OBJECTS} objects"))
