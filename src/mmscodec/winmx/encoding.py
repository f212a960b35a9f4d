"""The inverse of decoding, byte for byte."""

from __future__ import annotations

import ipaddress
import operator
import struct
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mmscodec.errors import EncodeError, near
from mmscodec.schema.fields import Field
from mmscodec.schema.winmx import BY_NAME, NODE_LIST, Packet, Part
from mmscodec.schema.winmx.dtypes import NODES, RECORD, absent, layout, part_dtype
from mmscodec.winmx import _frames, cipher

if TYPE_CHECKING:
    from typing_extensions import Buffer

_FORMATS = {"u8": "<B", "u16": "<H", "u32": "<I"}
TEXTS = ("cstr", "ansi", "quoted")
MAX_DATA = 65535
#: Columns of tables of nodes that are no part of a record: where and when it was.
_KNOWN_COLUMNS = ("packet", "record", "current", "time", "flow", "direction")


def encode(
    what: str | np.ndarray, /, *, encoding: str | None = None, out: Any = None, **fields: Any
) -> Any:
    """Encode packets.

    Parameters
    ----------
    what : numpy.ndarray or str
        Nodes: an array of 12-byte records of shape (packets, records), or (records,) for one
        packet, or rows of `batch.nodes`, where a new value of `packet` begins a new packet.
        Or the name of a packet; its fields follow by keyword.
    encoding : str, optional
        Of str values, latin-1 by default; bytes are taken as they are. Only for packets that are
        given by name.
    out : writable buffer, optional
        For nodes: where to write. Returns a memoryview of the part written.
    **fields
        Fields of a packet by name. Fields with a known constant value may be left out; so may
        optional ones, which then are absent (but a marker byte that nearly all peers send is
        written; None leaves it out). Addresses: text, `ipaddress` object or number.
        Items that repeat: a sequence of mappings, or an array of records for `nodes`.

    Returns
    -------
    bytes or memoryview
        Frames with their headers; for the link `udp` the plain datagram, for `legacy` the encoded
        frame, for `transfer` what stands on the wire, for `cache` the 132 enciphered bytes behind
        the key block.

    Raises
    ------
    EncodeError
        A value does not fit its field or would lose something in it, or a field is missing.
    TypeError
        A field that there is not, or an argument that is of no use here.

    Notes
    -----
    A sender should write eight records in a packet (section 4.2); other counts are written too.

    Examples
    --------
    >>> from mmscodec import winmx
    >>> winmx.encode("UserInfo", base_user_name="Gumdrop609", line_type=8, tcp_transfer_port=2378)
    b'\\xe9\\x03\\x0f\\x00Gumdrop609\\x00\\x08\\x00J\\t'
    """
    if not isinstance(what, str):
        if fields:
            raise TypeError("fields are for packets that are given by name")
        if encoding is not None:
            raise TypeError("encoding is of no use for nodes")
        return encode_nodes(np.asarray(what), out)
    item = BY_NAME.get(what)
    if item is None:
        raise EncodeError(f"no packet is called {what!r}{near(what, BY_NAME)}")
    if out is not None:
        raise TypeError("out is of no use for a packet by name")
    if encoding is not None and not has_text(item):
        raise TypeError(f"encoding is of no use for {what}, which has no text")
    charset = encoding or "latin-1"
    body = pack(item.fields, dict(fields), what, charset) if item.known else raw_body(fields, what)
    return framed(item, body)


def has_text(item: Packet) -> bool:
    """Whether a packet has a field that takes str."""
    parts = (*item.fields, *(item.items.fields if item.items else ()))
    return any(part.kind in TEXTS for part in parts)


def raw_body(fields: Mapping[str, Any], name: str) -> bytes:
    """The bytes of a packet of which only the name is known, given as `data`."""
    if set(fields) - {"data"}:
        raise EncodeError(f"{name} is known by its name only: give its bytes as data=")
    return raw_value(fields.get("data", b""), f"{name}.data")


def framed(item: Packet, body: bytes) -> bytes:
    """`body` with the header of its link."""
    if item.link in ("udp", "primary", "transfer"):
        return body
    if item.link == "cache":
        return body[:12] + cipher.cache_encipher(body[12:], body[:12])
    if len(body) > MAX_DATA:
        raise EncodeError(
            f"{item.name} has {len(body)} bytes of data, a frame holds {MAX_DATA}",
            field="length", need=len(body), have=MAX_DATA,
        )  # fmt: skip
    if item.link == "legacy":
        encoded = cipher.legacy_encode(struct.pack("<H", item.mid) + body)
        return struct.pack("<H", len(body)) + encoded
    return struct.pack("<HH", item.mid, len(body)) + body


def pack(parts: Iterable[Field], fields: dict[str, Any], owner: str, encoding: str) -> bytes:
    """Fields in wire order; `fields` is used up."""
    parts = tuple(parts)
    if owner in ("RoomListQuery", "PrimaryPacket") and "payload_length" not in fields:
        rest = fields.get("data", fields.get("payload_rest", b""))
        fields["payload_length"] = len(rest) + (owner == "RoomListQuery")
    if "metadata_length" in {part.name for part in parts} and "metadata_length" not in fields:
        other = len(fields.get("metadata_unknown", b""))
        fields["metadata_length"] = 11 if "bitrate" in fields else other
    known = {part.name for part in parts}
    if surplus := set(fields) - known - {"surplus"}:
        name = sorted(surplus)[0]
        raise TypeError(f"{owner} has no field {name!r}{near(name, known)}")
    out = bytearray()
    missing = ""
    for part in parts:
        if isinstance(part, Part) and part.when and not present(part, fields):
            if part.name in fields:
                raise EncodeError(f"{owner}.{part.name} cannot be there: {part.when} says so")
            continue
        if fields.get(part.name, ...) is None and part.optional:
            missing = part.name
            continue
        if part.name not in fields:
            if part.optional and part.default is None:
                missing = part.name
                continue
            value = default(part, owner)
        else:
            value = fields[part.name]
            if missing and part.optional:
                raise EncodeError(f"{owner}.{part.name} needs {missing} before it")
        out += pack_part(part, value, owner, encoding)
        if part.kind == "bytes" and part.count and len(value) != fields[part.count]:
            raise EncodeError(f"{owner}.{part.name} has {len(value)} bytes, not {part.count}")
    out += raw_value(fields.get("surplus", b""), f"{owner}.surplus")
    return bytes(out)


def present(part: Part, fields: Mapping[str, Any]) -> bool:
    """True where a conditional field is there."""
    if part.when.startswith("has_"):
        return part.when.removeprefix("has_") in fields
    value = fields.get(part.when, 0)
    return value not in (0, part.equals) if part.otherwise else value == part.equals


def default(part: Field, owner: str) -> Any:
    """What is written where nothing was given: a value that the notes name, or zero bytes."""
    if part.default is not None:
        return part.default
    rule = part.rule
    if rule is not None and rule.equal is not None:
        return rule.equal
    if part.kind == "bytes":
        return bytes(part.size or 0)
    if part.kind == "array":
        return ()
    raise EncodeError(f"{owner}.{part.name} is missing", field=part.name)


def pack_part(part: Field, value: Any, owner: str, encoding: str) -> bytes:
    """The bytes of one field."""
    if part.kind in _FORMATS:
        number = whole_number(value, f"{owner}.{part.name}", part.name)
        most = (1 << 8 * (part.size or 0)) - 1
        if not 0 <= number <= most:
            raise EncodeError(
                f"{owner}.{part.name} = {number} is not in 0 to {most}",
                field=part.name, need=number, have=most,
            )  # fmt: skip
        return struct.pack(_FORMATS[part.kind], number)
    if part.kind == "ipv4":
        return packed_address(value, f"{owner}.{part.name}")
    if part.kind == "array":
        return pack_items(part, value, owner, encoding)
    try:
        text = isinstance(value, str) and part.kind in TEXTS
        data = value.encode(encoding) if text else raw_value(value, f"{owner}.{part.name}")
    except UnicodeEncodeError as error:
        raise EncodeError(f"{owner}.{part.name}: {error}", field=part.name) from None
    if part.size is not None and len(data) != part.size:
        raise EncodeError(
            f"{owner}.{part.name} has {part.size} bytes, not {len(data)}",
            field=part.name, need=part.size, have=len(data),
        )  # fmt: skip
    if isinstance(part.default, bytes) and data != part.default:
        raise EncodeError(f"{owner}.{part.name} is {part.default!r}, not {data!r}", field=part.name)
    if part.kind == "quoted":
        if b'"' in data:
            raise EncodeError(f"{owner}.{part.name} holds a quotation mark", field=part.name)
        return data + (b' "' if isinstance(part, Part) and part.equals == 1 else b'"')
    if part.kind == "cstr":
        if b"\0" in data:
            raise EncodeError(f"{owner}.{part.name} holds a 00 byte", field=part.name)
        return data + b"\0"
    return data


def pack_items(part: Field, value: Any, owner: str, encoding: str) -> bytes:
    """The items that repeat to the end of a packet."""
    assert part.struct is not None
    if isinstance(value, str | Mapping):
        raise EncodeError(f"{owner}.{part.name} is a sequence of mappings, not one {type(value)}")
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if isinstance(value, np.ndarray):
        return contiguous_records(value).tobytes()
    return b"".join(
        pack(part.struct.fields, dict(item), f"{owner}.{part.name}", encoding) for item in value
    )


def whole_number(value: Any, owner: str, field: str) -> int:
    """A number that is whole: nothing is cut off."""
    try:
        return operator.index(value)
    except TypeError:
        raise EncodeError(f"{owner} is a whole number, not {value!r}", field=field) from None


def raw_value(value: Any, owner: str) -> bytes:
    """The bytes of something that has bytes: a number is none, though bytes() takes it."""
    try:
        if isinstance(value, np.number | np.bool_ | np.datetime64 | np.timedelta64):
            raise TypeError  # NumPy's numbers have a buffer, which nobody means
        return bytes(memoryview(value))
    except TypeError:
        if isinstance(value, np.void):
            return value.tobytes()
        raise EncodeError(f"{owner} are bytes, not {type(value).__name__}") from None


def packed_address(value: Any, owner: str = "an address") -> bytes:
    """Four octets in network order."""
    if isinstance(value, bytes | bytearray):
        if len(value) != 4:
            raise EncodeError(f"{owner} has 4 bytes, not {len(value)}")
        return bytes(value)
    if not isinstance(value, str | ipaddress.IPv4Address):
        value = whole_number(value, owner, "")
    try:
        return ipaddress.IPv4Address(value).packed
    except ipaddress.AddressValueError as error:
        raise EncodeError(f"no IPv4 address: {error}") from None


def contiguous_records(nodes: np.ndarray) -> np.ndarray:
    """Records of 12 bytes without gaps, from records or rows of the nodes table."""
    if nodes.dtype == RECORD:
        return np.ascontiguousarray(nodes)
    if nodes.dtype == NODES and nodes.ndim == 1:
        rows = np.ascontiguousarray(nodes).view(np.uint8).reshape(-1, NODES.itemsize)
        records = np.ascontiguousarray(rows[:, 12:24]).reshape(-1).view(RECORD)
        records["ip"] = nodes["ip"]
        return records
    names = nodes.dtype.names or ()
    missing = [name for name in RECORD.names or () if name not in names]
    if missing:
        raise EncodeError(f"nodes need the column {missing[0]!r}")
    if surplus := set(names) - {*(RECORD.names or ()), *_KNOWN_COLUMNS}:
        hint = near(min(surplus), RECORD.names or ())
        raise EncodeError(f"a record has no field {min(surplus)!r}{hint}")
    out = np.empty(nodes.shape, RECORD)
    for name in RECORD.names or ():
        out[name] = fitting(nodes[name], name)
    return out


def fitting(column: np.ndarray, name: str) -> np.ndarray:
    """A column whose values the record of the wire holds."""
    most = np.iinfo(RECORD[name]).max
    if column.dtype.kind not in "iub":
        raise EncodeError(f"nodes[{name!r}] are whole numbers, not {column.dtype}", field=name)
    if column.dtype.itemsize > RECORD[name].itemsize or column.dtype.kind == "i":
        wrong = (column < 0) | (column > most)
        if wrong.any():
            at = int(np.argmax(wrong.reshape(-1)))
            value = int(column.reshape(-1)[at])
            raise EncodeError(
                f"{name} of record {at}: {value} does not fit {8 * RECORD[name].itemsize} bits",
                offset=at, field=name, need=value, have=int(most),
            )  # fmt: skip
    return column


def encode_nodes(nodes: np.ndarray, out: Any = None) -> Any:
    """Frames of NodeLists; see `encode`."""
    records = contiguous_records(nodes)
    counts = None
    if "packet" in (nodes.dtype.names or ()) and nodes.ndim == 1:
        starts = np.flatnonzero(np.diff(nodes["packet"], prepend=-1 - nodes["packet"][:1]))
        counts = np.diff(starts, append=len(nodes))
        if len(counts) == 0:
            return out if out is not None else b""
        if (counts == counts[0]).all():
            records, counts = records.reshape(len(counts), -1), None
    if records.ndim == 1 and counts is None:
        records = records.reshape(1, -1)
    if records.ndim > 2:
        raise EncodeError("nodes have the shape (packets, records) or (records,)")
    most = int(counts.max()) if counts is not None else records.shape[1]
    if most * 12 > MAX_DATA:
        raise EncodeError(f"{most} records do not fit in a frame", need=most * 12, have=MAX_DATA)
    if counts is None:
        view = records.reshape(-1).view(np.uint8)
        return _frames.write_lists(view, records.shape[0], records.shape[1], out)
    data = ragged(records, counts)
    if out is None:
        return data.tobytes()
    target = memoryview(out).cast("B")[: len(data)]
    target[:] = memoryview(data)  # type: ignore[arg-type]
    return target


def ragged(records: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Frames of different numbers of records."""
    size = 12 * len(records) + 4 * len(counts)
    data = np.empty(size, np.uint8)
    heads = 4 * np.arange(len(counts)) + 12 * (np.cumsum(counts) - counts)
    lengths = counts * 12
    mid = NODE_LIST.mid
    for at, byte in enumerate((mid & 0xFF, mid >> 8, lengths & 0xFF, lengths >> 8)):
        data[heads + at] = byte  # type: ignore[call-overload]
    first = 4 * (np.repeat(np.arange(len(counts)), counts) + 1) + 12 * np.arange(len(records))
    data[first[:, None] + np.arange(12)] = records.view(np.uint8).reshape(-1, 12)
    return data


def encode_cache_reply(
    nodes: np.ndarray, *, start: Buffer = bytes(12), key_block: Buffer | None = None
) -> bytes:
    """The 149 bytes that a peer cache sends.

    Parameters
    ----------
    nodes : numpy.ndarray
        Ten records.
    start : buffer of 12 bytes
        Start of the cipher chain; real caches sent zeros.
    key_block : buffer of 16 bytes, optional
        Default is a random one of role 0x54. It keys nothing.
    """
    records = contiguous_records(np.asarray(nodes)).reshape(-1)
    if len(records) != 10:
        raise EncodeError(f"a peer cache sends ten records, not {len(records)}", need=10)
    block = cipher.key_block(cipher.Role.CACHE) if key_block is None else bytes(key_block)
    if len(block) != 16:
        raise EncodeError(f"a key block has 16 bytes, not {len(block)}", need=16, have=len(block))
    return b"8" + block + bytes(start) + cipher.cache_encipher(records.tobytes(), start)


def fields_of(batch: Any, i: int, encoding: str | None) -> dict[str, Any]:
    """All fields of one packet of a batch, as `encode` takes them."""
    from mmscodec.schema.winmx import types_of

    packet = batch.packets[i]
    known = types_of(batch.link, batch.direction)
    item = known.get(int(packet["type"]), known.get(-1))
    if item is None:
        raise KeyError(f"no layout is known for type 0x{int(packet['type']):04X}")
    if not item.known:
        return {"data": bytes(batch.payload(i))}
    one = type(batch)()
    start = int(packet["offset"])
    at = start - batch.start
    piece = memoryview(batch.pieces[0][1]).cast("B")[at : at + int(packet["length"])]
    one.adopt(bytes(piece), batch.link, start, batch.packets[i : i + 1], start)
    one.direction = batch.direction
    rows, _ = one.gather(layout(item), item.mid)
    if len(rows) == 0:
        why = "".join(f": {line}" for line in one.faults.text()[:1])
        raise ValueError(f"packet {i} ends inside a field{why}")
    out = row_fields(one, rows[0], item.fields, encoding)
    if surplus := int(rows[0]["surplus"]):
        out["surplus"] = bytes(piece[len(piece) - surplus :])
    if item.items is not None:
        out |= item_fields(one, item, encoding)
    return out


def row_fields(batch: Any, row: Any, parts: Iterable[Field], encoding: str | None) -> dict:
    """The fields of one row that are there."""
    out: dict[str, Any] = {}
    for part in parts:
        if absent(part, row):
            if part.optional and part.default is not None:
                out[part.name] = None  # `encode` would write it
            continue
        if part.size is None:
            kept = None if part.kind in ("bytes", "array") else encoding
            extent = np.array([row[f"{part.name}_offset"]]), np.array([row[f"{part.name}_length"]])
            out[part.name] = batch.strings(*extent, kept)[0]
            if part.kind == "ansi" and terminated(batch, row, part.name):
                out[part.name] += b"\0" if kept is None else "\0"
        elif part_dtype(part).kind == "V":
            out[part.name] = bytes(row[part.name])
        else:
            out[part.name] = int(row[part.name])
    return out


def terminated(batch: Any, row: Any, name: str) -> bool:
    """Whether a 00 byte stands behind a text that goes to the end of its packet."""
    packet = batch.packets[int(row["packet"])]
    end = int(packet["offset"]) + int(packet["length"])
    at, length = int(row[f"{name}_offset"]), int(row[f"{name}_length"])
    return at + length < end


def item_fields(batch: Any, item: Packet, encoding: str | None) -> dict[str, Any]:
    """The items that repeat in a packet."""
    name = item.fields[-1].name
    if item.name in ("NodeList", "CacheList"):
        return {name: contiguous_records(batch.nodes)}
    assert item.items is not None
    rows, _ = batch.gather(layout(item, True), item.mid)
    parts = item.items.fields
    return {name: [row_fields(batch, row, parts, encoding) for row in rows]}
