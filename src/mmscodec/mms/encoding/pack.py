"""Values to wire bytes, one structure at a time, driven by the schema."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from mmscodec.errors import EncodeError, near
from mmscodec.schema import dtypes
from mmscodec.schema.fields import ANSI, Field, Message, Struct, ansi_encode
from mmscodec.schema.mms import MAX_PACKET

_FORMATS = {
    "u8": "<B", "u16": "<H", "u32": "<I", "u64": "<Q", "i16": "<h", "f64": "<d", "ipv4": "<I",
}  # fmt: skip
_BYTES = (bytes, bytearray, memoryview)


def refuse(struct_: Struct, field: str, why: str, **places: int) -> EncodeError:
    """The error for one field."""
    return EncodeError(f"{struct_.name}.{field}: {why}", field=field, section=struct_.section,
                       **places)  # fmt: skip


def values_of(row: Any) -> dict[str, Any]:
    """Fields of a row of a structured array, nested rows as dictionaries."""
    if not isinstance(row, np.void) or row.dtype.names is None:
        raise TypeError(f"a row of a structured array is needed, not {type(row).__name__}")
    return {
        name: values_of(row[name]) if isinstance(row[name], np.void) and row[name].dtype.names
        else row[name].item() if isinstance(row[name], np.number)
        else row[name].tobytes() if isinstance(row[name], np.void)
        else row[name]
        for name in row.dtype.names
    }  # fmt: skip


def _check_names(struct_: Struct, values: Mapping[str, Any]) -> None:
    """TypeError for a value that no field of the structure takes."""
    known = {field.python_name for field in struct_.fields}
    for name in values:
        if name not in known:
            raise TypeError(f"{struct_.name} has no field {name!r}{near(name, known)}")


def default_of(field: Field) -> Any:
    """What is written when no value was given: the rule's value, or the field's own, or zero."""
    rule = field.rule
    if field.optional:
        return None
    if rule is not None and rule.equal is not None:
        return rule.equal
    if field.default is not None:
        return field.default
    if rule is not None and rule.one_of:
        return rule.one_of[0]
    if field.kind == "struct":
        return {}
    return None if field.variable else bytes(field.size or 0) if field.kind == "bytes" else 0


def number(struct_: Struct, field: Field, value: Any) -> bytes:
    """One number on the wire; names of enumerated values are understood."""
    if isinstance(value, str):
        for key, name in field.values.items():
            if name == value:
                value = key
                break
        else:
            raise refuse(struct_, field.name, f"no value is called {value!r}")
    try:
        return struct.pack(_FORMATS[field.kind], value)
    except (struct.error, OverflowError):
        bits = (field.size or 0) * 8
        raise refuse(
            struct_, field.name, f"{value!r} does not fit {bits} bits", need=bits
        ) from None


def _fixed_text(struct_: Struct, field: Field, value: Any) -> bytes:
    """ANSI text with its NUL, or raw bytes, filled up with zeros."""
    size = field.size or 0
    if isinstance(value, str):
        try:
            value = ansi_encode(value)
        except UnicodeEncodeError:
            raise refuse(
                struct_,
                field.name,
                f"{value!r} is no 8-bit text ({ANSI}); give bytes for another code page",
            ) from None
        if len(value) >= size:
            raise refuse(struct_, field.name, "the text and its NUL do not fit",
                         need=len(value) + 1, have=size)  # fmt: skip
    data = as_bytes(struct_, field, value)
    if len(data) > size or (field.kind == "bytes" and len(data) != size):
        raise refuse(struct_, field.name, f"{len(data)} bytes, {size} expected",
                     need=len(data), have=size)  # fmt: skip
    return data.ljust(size, b"\0")


def as_bytes(struct_: Struct, field: Field, value: Any) -> bytes:
    """Raw bytes of a value that has a buffer."""
    try:
        if isinstance(value, np.number | np.bool_ | np.datetime64 | np.timedelta64):
            raise TypeError  # NumPy's numbers have a buffer, which nobody means
        return bytes(memoryview(value))
    except TypeError:
        raise refuse(struct_, field.name, f"bytes are needed, not {type(value).__name__}") from None


def utf16(text: str) -> bytes:
    """UTF-16LE; lone surrogates are written as they are."""
    return text.encode("utf-16-le", "surrogatepass")


def variable_bytes(struct_: Struct, field: Field, value: Any) -> bytes:
    """A field of variable length; strings get the NUL that belongs to them, bytes stay."""
    if field.kind == "array":
        return _array_bytes(struct_, field, value)
    if field.kind == "utf16":
        if isinstance(value, str):
            return utf16(value) + (b"" if _bare_text(struct_, field) else b"\0\0")
        if field.nul == "strings" and isinstance(value, Iterable) and not isinstance(value, _BYTES):
            return b"".join(utf16(text) + b"\0\0" for text in value)
    return as_bytes(struct_, field, value)


def _bare_text(struct_: Struct, field: Field) -> bool:
    """True for the two funnel names: they end with their message and need no NUL."""
    return field.nul == "first" and len(struct_.variable) == 1


def _array_bytes(struct_: Struct, field: Field, value: Any) -> bytes:
    """Entries of an array: a NumPy array, bytes, or a sequence of numbers, tuples or mappings."""
    if isinstance(value, _BYTES):
        return bytes(value)
    entry = dtypes.struct_dtype(field.struct) if field.struct else dtypes.SEQUENCE
    if not isinstance(value, np.ndarray):
        if field.struct is None:
            element = Field(field.name, "u32", size=4)
            return b"".join(number(struct_, element, item) for item in value)
        return b"".join(_entry_bytes(field.struct, item) for item in value)
    if field.struct is None and value.dtype.kind in "iu":
        if value.size and (value.min() < 0 or value.max() > 0xFFFFFFFF):
            raise refuse(struct_, field.name, "a value does not fit 32 bits")
        return value.astype(entry).tobytes()
    if value.dtype != entry:
        raise refuse(struct_, field.name, f"dtype {entry} is needed")
    return value.tobytes()


def _entry_bytes(struct_: Struct, item: Any) -> bytes:
    """One entry of an array of structures."""
    if isinstance(item, np.void):
        item = values_of(item)
    if not isinstance(item, Mapping):
        item = dict(zip((field.python_name for field in struct_.fields), item, strict=True))
    return _pack_fixed(struct_, item, struct_.fields)


def _pack_fixed(struct_: Struct, values: Mapping[str, Any], fields: Iterable[Field]) -> bytes:
    """The fixed part: the fields given, each from `values` or its default."""
    _check_names(struct_, values)
    parts = []
    for field in fields:
        value = values.get(field.python_name)
        if value is None:
            value = default_of(field)
        if field.kind == "struct" and field.struct is not None:
            inner = values_of(value) if isinstance(value, np.void) else value
            parts.append(_pack_fixed(field.struct, inner, field.struct.fields))
        elif field.kind in _FORMATS:
            parts.append(number(struct_, field, value))
        else:
            parts.append(_fixed_text(struct_, field, value))
    return b"".join(parts)


def present(struct_: Struct, values: Mapping[str, Any]) -> tuple[Field, ...]:
    """Fixed fields that are written: optional ones only as far as values or chunkLen ask."""
    fixed = struct_.fixed
    chunk_len = values.get("chunk_len")
    wanted = 0
    for field in fixed:
        given = values.get(field.python_name)
        if not field.needs_chunk_len:
            continue
        if given is not None if not chunk_len else chunk_len >= field.needs_chunk_len:
            wanted = field.needs_chunk_len
        elif chunk_len and given:
            raise refuse(struct_, field.name, "is not there with this chunkLen",
                         need=field.needs_chunk_len, have=chunk_len)  # fmt: skip
    return tuple(field for field in fixed if field.needs_chunk_len <= wanted)


def pack(struct_: Struct, given: Mapping[str, Any]) -> bytes:
    """A whole structure: fixed part, variable fields, their counts; no padding, chunkLen as given.

    Raises
    ------
    EncodeError
        A value does not fit its field, or a field without default has none.
    TypeError
        `given` holds a name that is no field.
    """
    _check_names(struct_, given)
    values = dict(given)
    parts = []
    length = 0
    for field in struct_.variable:
        value = values.pop(field.python_name, None)
        if value is None:
            value = default_of(field)
        if value is None and not field.optional:
            raise refuse(struct_, field.name, "needs a value")
        data = b"" if value is None else variable_bytes(struct_, field, value)
        if field.start and data:
            data = placed_at(struct_, field, values, data, length)
        parts.append(data)
        length += len(data)
        if field.count:
            count = struct_[field.count]
            if values.get(count.python_name) is None:
                values[count.python_name] = counted(struct_, field, data, values, length)
    fixed = _pack_fixed(struct_, values, present(struct_, values))
    return b"".join((fixed, *parts))


def placed_at(
    struct_: Struct, field: Field, values: dict[str, Any], data: bytes, length: int
) -> bytes:
    """Data with the gap before it; its place goes into `values` unless it is given there."""
    key = struct_[field.start].python_name
    if values.get(key) is None:
        values[key] = length
    gap = values[key] - length
    if gap < 0:
        raise refuse(struct_, field.start, f"{field.name} would begin inside the field before it",
                     need=length, have=values[key])  # fmt: skip
    return _zeros(struct_, field.start, gap) + data


def _zeros(struct_: Struct, name: str, size: int) -> bytes:
    """Bytes that no value fills; a number alone makes no more of them than a packet may have."""
    if size > MAX_PACKET:
        raise refuse(struct_, name, f"asks for {size} bytes that no value fills", need=size,
                     have=MAX_PACKET)  # fmt: skip
    return bytes(size)


def counted(
    struct_: Struct, field: Field, data: bytes, values: Mapping[str, Any], length: int
) -> int:
    """The count that goes with a variable field."""
    size = len(data)
    if field.start and data:
        size = length - values[struct_[field.start].python_name]
    count, odd = divmod(size, field.count_unit)
    if odd:
        raise refuse(struct_, field.name, f"{size} bytes are no multiple of {field.count_unit}",
                     have=size)  # fmt: skip
    return count


def pack_message(message: Message, given: Mapping[str, Any], pad: bytes | int | None) -> bytes:
    """A message with its padding and chunkLen.

    `pad`: bytes or a number of zero bytes behind the last field; None = as few as possible, or as
    many as a given chunk_len asks for.
    """
    chunk_len = given.get("chunk_len")
    body = bytearray(pack(message, {**given, "chunk_len": chunk_len or 0}))
    if pad is not None:
        body += bytes(pad)
    elif chunk_len and chunk_len * 8 > len(body):
        body += _zeros(message, "chunkLen", chunk_len * 8 - len(body))
    else:
        body += bytes(-len(body) % 8)
    if chunk_len is None or chunk_len == 0:
        if len(body) % 8:
            raise refuse(message, "chunkLen", f"{len(body)} bytes are no multiple of 8",
                         have=len(body))  # fmt: skip
        chunk_len = len(body) // 8
    elif chunk_len * 8 < len(body):
        raise refuse(message, "chunkLen", "smaller than the fields", need=len(body),
                     have=chunk_len * 8)  # fmt: skip
    body[:4] = number(message, message.fields[0], chunk_len)
    return bytes(body)
