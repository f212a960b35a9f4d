"""`mms.encode`: the bytes of packets, messages, Data packets and whole streams."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

import numpy as np

from mmscodec.errors import EncodeError, near
from mmscodec.mms.encoding.batches import encode_batch, into
from mmscodec.mms.encoding.pack import as_bytes, pack, pack_message, refuse, values_of
from mmscodec.mms.encoding.rows import data_rows, message_rows, scalar_or_column
from mmscodec.rows import as_structures
from mmscodec.schema import dtypes, mms
from mmscodec.schema.fields import Message

_HEADER = mms.TCP_MESSAGE_HEADER
_DATA = mms.DATA_PACKET

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from mmscodec.mms.batch import Batch
    from mmscodec.schema.names import MessageName

    #: What has bytes of its own without being a message.
    _StructName: TypeAlias = Literal[
        "Data", "TcpMessageHeader", "NTLM_AUTH", "STREAM_SWITCH_ENTRY", "CLIENT_LOG",
        "CLIENT_LOG_INFO",
    ]  # fmt: skip
    Part: TypeAlias = MessageName | Buffer | tuple[MessageName, Mapping[str, Any]]
    What: TypeAlias = MessageName | _StructName | Batch | list[Part] | tuple[Part, ...]


@overload
def encode(
    what: What,
    rows: Any = None,
    /,
    *,
    packet: bool = True,
    seq: Any = 0,
    time_sent: Any = 0,
    chunk_count: Literal["peers", "spec"] | int = "peers",
    header: Mapping[str, Any] | None = None,
    pad: bytes | int | None = None,
    payloads: Any = None,
    out: None = None,
    **fields: Any,
) -> bytes: ...


@overload
def encode(
    what: What,
    rows: Any = None,
    /,
    *,
    packet: bool = True,
    seq: Any = 0,
    time_sent: Any = 0,
    chunk_count: Literal["peers", "spec"] | int = "peers",
    header: Mapping[str, Any] | None = None,
    pad: bytes | int | None = None,
    payloads: Any = None,
    out: Buffer,
    **fields: Any,
) -> memoryview: ...


def encode(
    what: Any,
    rows: Any = None,
    /,
    *,
    packet: bool = True,
    seq: Any = 0,
    time_sent: Any = 0,
    chunk_count: str | int = "peers",
    header: Mapping[str, Any] | None = None,
    pad: bytes | int | None = None,
    payloads: Any = None,
    out: Any = None,
    **fields: Any,
) -> bytes | memoryview:
    r"""Bytes of a packet, a message, a Data packet or a whole stream.

    Parameters
    ----------
    what : str or sequence or Batch
        A name of the specification: a message (``"LinkViewerToMacConnect"``), ``"Data"``,
        ``"RequestPacketListResend"``, ``"TcpMessageHeader"``, ``"NTLM_AUTH"``,
        ``"STREAM_SWITCH_ENTRY"``, ``"CLIENT_LOG"`` or ``"CLIENT_LOG_INFO"``.
        A sequence of messages, each bytes, a name or ``(name, fields)``: one packet that holds
        them all.
        A batch: all its packets and Data packets in order, byte for byte as they were.
    rows : numpy.void or numpy.ndarray, optional
        A row, or a one-dimensional array of rows, as ``batch[name]`` gives them; for ``"Data"``
        rows as in ``batch.data``. An array gives one packet for each row. A `chunk_len` of 0
        is worked out, a larger one is filled up with zeros; counts follow from the variable
        fields.
    packet : bool
        False gives the bare message, without TcpMessageHeader.
    seq, time_sent : int or array
        For an array of rows: the first seq, counting up modulo 65,536, or one number per row.
    chunk_count : {"peers", "spec"} or int
        ``"peers"`` = messageLength / 8, as every real peer sends it; ``"spec"`` = the whole packet
        / 8, as the text of 2.2.3 asks.
    header : mapping, optional
        Other fields of TcpMessageHeader: rep, version, mbz, message_length, ...; the same in the
        packets of all rows.
    pad : bytes or int, optional
        What follows the last field of a message: bytes, or a number of zero bytes. By default as
        few zero bytes as fill up a multiple of 8. The same behind all rows, whose chunkLen is
        worked out then.
    payloads : sequence of buffers, 2-D uint8 array or (buffer, starts, lengths)
        For rows of ``"Data"``: the payload of each.
    out : writable buffer, optional
        For arrays of rows and batches: where to write. The result is a view of it.
    **fields
        Fields by their Python name. Numbers, or the name of an enumerated value; `str` or bytes
        for strings (a `str` gets its NUL, bytes stay as they are); sequences of tuples, or arrays,
        for arrays; mappings for structures. With an array of rows: variable fields only, as
        sequences of values. Missing fields take the value that a MUST or SHOULD rule names, else
        zero. Lengths and counts are computed unless given.

    Returns
    -------
    bytes or memoryview
        The bytes; with `out`, the part of it that was written.

    Raises
    ------
    EncodeError
        A value does not fit; `field` names the field, for rows `offset` is the row.
    TypeError
        No such field, or a value of a wrong type.

    Notes
    -----
    [MS-MMSP] 2.2.2 to 2.2.5. Rules are not enforced: an encoder for tests must be able to break
    them. The findings of the decoded bytes tell which ones were broken.

    Examples
    --------
    >>> encode("LinkViewerToMacPong", seq=9).hex(" ", 4)[:35]
    '01000000 cefa0bb0 20000000 4d4d5320'
    >>> encode("LinkViewerToMacFunnelInfo", packet=False).hex(" ", 4)
    '02000000 18000300 eff0f0f0 00000000'
    >>> encode("Data", payload=b"abcd", location_id=5, play_incarnation=9, af_flags=3).hex(" ", 4)
    '05000000 09030c00 61626364'
    """
    given_arguments = {
        "packet": packet, "seq": seq, "time_sent": time_sent, "chunk_count": chunk_count,
        "header": header, "pad": pad, "payloads": payloads, "out": out, **fields,
    }  # fmt: skip
    _refuse_unused(what, rows, packet, given_arguments)
    if isinstance(what, str):
        what = mms.full_name(what)
    else:
        if hasattr(what, "packets") and hasattr(what, "data"):
            return encode_batch(what, out)
        body = b"".join(bare(item) for item in what)
        return _packet_bytes(body, seq, time_sent, chunk_count, header)
    if what in mms.BY_NAME:
        wire = dtypes.ROWS[what]
        rows = as_structures(rows, wire, dtypes.in_capture(wire))
    elif isinstance(rows, np.ndarray):
        rows = rows.view(np.ndarray)
    if isinstance(rows, np.ndarray) and rows.ndim == 1:
        if what == _DATA.name:
            return data_rows(rows, payloads, out)
        if header is None and pad is None:
            return message_rows(named(what), rows, packet, seq, time_sent, chunk_count, out, fields)
        framing = packet, seq, time_sent, chunk_count
        return into(_framed_rows(named(what), rows, framing, header, pad, fields), out)
    given = {**(values_of(rows) if rows is not None else {}), **fields}
    if what == _HEADER.name:
        body = as_bytes(_HEADER, _HEADER["mms_message"], given.pop("mms_message", b""))
        return _packet_bytes(body, seq, time_sent, chunk_count, {**given, **(header or {})})
    if what in mms.STRUCTS:
        return _struct_bytes(what, given)
    body = pack_message(named(what), given, pad)
    return _packet_bytes(body, seq, time_sent, chunk_count, header) if packet else body


def _framed_rows(
    message: Message,
    rows: np.ndarray,
    framing: tuple[bool, Any, Any, str | int],
    header: Mapping[str, Any] | None,
    pad: bytes | int | None,
    fields: Mapping[str, Any],
) -> bytes:
    """Rows with header fields or padding that are the same in all: one packet after the other."""
    packet, seq, time_sent, chunk_count = framing
    for name, values in fields.items():
        if len(values) != len(rows):
            raise refuse(message, message[name].name, f"{len(values)} for {len(rows)} rows")
    wire = dtypes.ROWS[message.name].names or ()
    first, seqs = scalar_or_column(seq, "seq", "=u2", len(rows))
    time, times = scalar_or_column(time_sent, "timeSent", "=u8", len(rows))
    out = []
    for i, row in enumerate(rows):
        given = {name: value for name, value in values_of(row).items() if name in wire}
        if pad is not None or not given.get("chunk_len"):
            given.pop("chunk_len", None)
        given |= {name: values[i] for name, values in fields.items()}
        body = pack_message(message, given, pad)
        number = (first + i) & 0xFFFF if seqs is None else int(seqs[i])
        sent = time if times is None else int(times[i])
        out.append(_packet_bytes(body, number, sent, chunk_count, header) if packet else body)
    return b"".join(out)


_DEFAULTS = {
    "packet": True, "seq": 0, "time_sent": 0, "chunk_count": "peers", "header": None, "pad": None,
    "payloads": None, "out": None,
}  # fmt: skip
_FRAMING = frozenset(("seq", "time_sent", "chunk_count"))


def _refuse_unused(what: Any, rows: Any, packet: bool, given: Mapping[str, Any]) -> None:
    """TypeError for an argument that this form of `encode` has no use for."""
    several = isinstance(rows, np.ndarray) and rows.ndim == 1
    fields = given.keys() - _DEFAULTS.keys()
    if not isinstance(what, str):
        batch = hasattr(what, "packets") and hasattr(what, "data")
        form, used = ("a batch", {"out"}) if batch else ("a packet", _FRAMING | {"header"})
        if rows is not None:
            raise TypeError(f"{form} takes no rows")
    elif what == _DATA.name and several:
        form, used = "rows of Data", {"payloads", "out"}
    elif what in mms.STRUCTS and what != _HEADER.name:
        form, used = what, fields | {"packet"}  # they have no header around them
    else:
        form, used = what, fields | {"packet"}
        used |= {"pad"} | (_FRAMING | {"header"} if packet else set())
        used |= {"out"} if several else set()
    for name in sorted(given.keys() - used):
        if name not in _DEFAULTS or not _is_default(given[name], _DEFAULTS[name]):
            raise TypeError(f"{name} is of no use for {form}")


def _is_default(value: Any, default: Any) -> bool:
    return value is default or (np.ndim(value) == 0 and type(value) is type(default)
                                and value == default)  # fmt: skip


def named(name: str) -> Message:
    """The message of that name."""
    try:
        return mms.BY_NAME[mms.full_name(name)]
    except KeyError:
        hint = near(name, [*mms.BY_NAME, *mms.SHORT_NAMES, *mms.STRUCTS])
        raise EncodeError(f"no message is called {name!r}{hint}", field="MID") from None


def bare(item: Any) -> bytes:
    """A message given as bytes, as a name or as (name, fields)."""
    if isinstance(item, str):
        item = (item, {})
    if isinstance(item, tuple):
        name, given = item
        return pack_message(named(name), given, None)
    return as_bytes(_HEADER, _HEADER["mms_message"], item)


def _packet_bytes(
    body: bytes, seq: int, time_sent: int, chunk_count: str | int, header: Mapping[str, Any] | None
) -> bytes:
    """A TcpMessageHeader packet around messages."""
    if chunk_count == "spec":
        chunk_count = (len(body) + 32) // 8
    elif chunk_count == "peers":
        chunk_count = (len(body) + 16) // 8
    elif isinstance(chunk_count, str):
        raise ValueError(f"chunk_count is 'peers', 'spec' or a number, not {chunk_count!r}")
    values = {
        "message_length": len(body) + 16,
        "chunk_count": chunk_count,
        "seq": seq,
        "time_sent": time_sent,
        "mms_message": body,
    }
    return pack(_HEADER, {**values, **(header or {})})


def _struct_bytes(name: str, given: dict[str, Any]) -> bytes:
    """A structure that is no message of 2.2.4 and no TcpMessageHeader."""
    if name == _DATA.name and given.get("packet_size") is None:
        payload = given.get("payload")
        size = memoryview(payload).nbytes if payload is not None else 0
        if size > 0xFFFF - 8:
            raise refuse(_DATA, "PacketSize", f"payload of {size} bytes", need=size + 8,
                         have=0xFFFF)  # fmt: skip
        given = {**given, "packet_size": size + 8}
    return pack(mms.STRUCTS[name], given)
