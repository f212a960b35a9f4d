"""MMS with `struct` and slices only: slow, strict and easy to check by eye."""

import struct
from typing import Any, NamedTuple

from mmscodec.schema import mms
from mmscodec.schema.fields import Field, Struct

FORMATS = {"u8": "<B", "u16": "<H", "u32": "<I", "u64": "<Q", "i16": "<h", "f64": "<d"}


class Packet(NamedTuple):
    offset: int
    data: bytes
    header: dict[str, Any]
    messages: list["Parsed"]


class Data(NamedTuple):
    offset: int
    data: bytes
    header: dict[str, Any]
    payload: bytes


class Parsed(NamedTuple):
    name: str
    offset: int
    data: bytes
    fields: dict[str, Any]


def number(kind: str, data: bytes, at: int) -> int | float:
    return struct.unpack_from(FORMATS[kind], data, at)[0]


def fixed_fields(struct_: Struct, data: bytes, at: int = 0) -> dict[str, Any]:
    """Fixed fields; optional ones that chunkLen leaves out are missing."""
    out: dict[str, Any] = {}
    for field in struct_.fixed:
        here = at + field.offset
        if field.needs_chunk_len and out["chunk_len"] < field.needs_chunk_len:
            continue
        if field.kind == "struct":
            out[field.python_name] = fixed_fields(field.struct, data, here)
        elif field.kind in FORMATS:
            out[field.python_name] = number(field.kind, data, here)
        else:
            out[field.python_name] = data[here : here + field.size]
    return out


def variable_fields(struct_: Struct, data: bytes, fields: dict[str, Any]) -> dict[str, bytes]:
    """Raw bytes of the variable fields of a message that lies at data[0]."""
    out = {}
    at = struct_.fixed_size
    for field in struct_.variable:
        if field.start:
            at = struct_.fixed_size + fields[struct_[field.start].python_name]
        end = len(data)
        if field.count:
            end = min(end, at + fields[struct_[field.count].python_name] * field.count_unit)
        for later in struct_.variable:
            if later.start and later is not field and fields[struct_[later.count].python_name]:
                end = min(end, struct_.fixed_size + fields[struct_[later.start].python_name])
        out[field.python_name] = data[at:end]
        at = end
    return out


def text_of(field: Field, raw: bytes) -> str:
    """The text of a UTF-16 field without its NULs."""
    text = raw[: len(raw) & ~1].decode("utf-16-le", "surrogatepass")
    if field.nul == "first":
        return text.partition("\0")[0]
    if field.nul == "strings":
        first, *more = text.split("\0")
        return "\0".join([first, *(part for part in more[:2] if part[:4] in ("HOST", "VIA:"))])
    return text.rstrip("\0")


def message(data: bytes, at: int, size: int, struct_: Struct | None = None) -> Parsed:
    """One message, or RequestPacketListResend, of `size` bytes at `at`."""
    whole = data[at : at + size]
    if struct_ is None:
        struct_ = mms.BY_MID[number("u32", whole, 4)]
    fields = fixed_fields(struct_, whole)
    fields.update(variable_fields(struct_, whole, fields))
    return Parsed(struct_.name, at, whole, fields)


def stream(data: bytes, udp: bool = False) -> list[Packet | Data | Parsed]:
    """Everything in a stream without faults; ValueError for anything else."""
    out: list[Packet | Data | Parsed] = []
    at = 0
    while at < len(data):
        if udp and number("u32", data, at) == mms.RESEND_SIGNATURE:
            size = 12 + 4 * number("u16", data, at + 10)
            out.append(message(data, at, size, mms.RESEND))
        elif number("u32", data, at + 4) == mms.SESSION_ID:
            size = number("u32", data, at + 8) + 16
            out.append(packet(data, at, size))
        else:
            size = number("u16", data, at + 6)
            header = fixed_fields(mms.DATA_PACKET, data, at)
            out.append(Data(at, data[at : at + size], header, data[at + 8 : at + size]))
        if size < 8 or at + size > len(data):
            raise ValueError(f"{size} bytes at {at} of {len(data)}")
        at += size
    return out


def packet(data: bytes, at: int, size: int) -> Packet:
    messages = []
    place, end = at + 32, at + size
    while place < end:
        length = number("u32", data, place) * 8
        if not 8 <= length <= end - place:
            raise ValueError(f"message of {length} bytes at {place}, packet ends at {end}")
        messages.append(message(data, place, length))
        place += length
    return Packet(at, data[at:end], fixed_fields(mms.TCP_MESSAGE_HEADER, data, at), messages)
