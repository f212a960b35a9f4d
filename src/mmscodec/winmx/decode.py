"""Decoding whole buffers: frames of any link, node lists, peer-cache replies, datagrams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mmscodec.errors import MalformedError, TruncatedError
from mmscodec.faulttable import fault_table
from mmscodec.schema.faults import FAULT_FIELDS, FaultCode
from mmscodec.schema.vocabulary import C2S, DIRECTIONS, S2C, direction_number
from mmscodec.schema.winmx.dtypes import PACKET_ROWS, RECORD
from mmscodec.winmx import _codec, _frames, cipher
from mmscodec.winmx.batch import Batch
from mmscodec.winmx.faultrows import add_faults, key_block_fault, unknown_fault
from mmscodec.winmx.unread import Progress, cache_server

if TYPE_CHECKING:
    from typing_extensions import Buffer

#: A frame of a regular run; numpy.frombuffer pins the caller's memory, as a view must.
_FRAME = np.dtype([("head", "<u4"), ("nodes", RECORD, (8,))])

RECORDS_FROM = 29  # of a peer cache's reply, behind greeting, key block and start value


def decode(
    buf: Buffer, *, link: str | None = None, direction: str = "", on_fault: str = "record",
    out: Batch | None = None,
) -> Batch:  # fmt: skip
    """Decode plain WinMX frames, one after the other.

    Parameters
    ----------
    buf : bytes-like
        Any C-contiguous buffer, of any size. It is not copied (but on the links `legacy` and
        `cache`, which are deciphered here); the batch keeps it alive.
    link : {"secondary", "chat", "primary", "udp", "legacy", "cache", "transfer"}, optional
        Where the bytes were. Without it, frames of secondary and chat links. `primary`: frames
        with the 17-byte header. `udp`: one deciphered datagram. `legacy`: encoded WPNP 2.x
        frames. `cache`: the 149 bytes of a peer cache as they are on the wire; of a reply that was
        cut, the whole records. `transfer`: one side of a connection over which a file goes.
    direction : {"", "C>S", "S>C"}
        Who sent it, the client or the server. 0x00C8 of a chat link is another packet when a
        server sends it; unknown, it is read as a client's.
    on_fault : {"record", "raise"}
        Record faults as rows, or raise the first.
    out : Batch, optional
        A batch whose memory is used again. Arrays of it that are still alive keep theirs.

    Returns
    -------
    Batch
        `out` if it was given.

    Raises
    ------
    MalformedError
        With ``on_fault="raise"``: the first fault; its `batch` holds everything that was decoded.

    Notes
    -----
    Section 3. Any four bytes are a header, so framing never fails: faults are lists of a length
    that is no multiple of 12, and packets that end inside a field.

    Examples
    --------
    >>> from mmscodec import winmx
    >>> batch = winmx.decode(bytes.fromhex("60 04 02 00 16 53"))
    >>> batch["UserInfoAcknowledgement"]["session_id"].tolist()
    [21270]
    """
    if on_fault not in ("record", "raise"):
        raise ValueError(f"on_fault is 'record' or 'raise', not {on_fault!r}")
    batch = Batch() if out is None else out
    link, direction = checked_link(link), checked_direction(direction)
    if link == "legacy":
        buf, _ = _frames.legacy_copy(buf)
    if link == "cache":
        decode_cache_reply(batch, buf, 0)
    elif link == "transfer":
        decode_one_side(batch, buf, 0)
    else:
        batch.scan(buf, link, 0)
    batch.direction = direction
    if on_fault == "raise" and len(batch.faults):
        raise fault_error(batch)
    return batch


def checked_link(link: str | None) -> str:
    """The link's name, "" for None."""
    link = link or ""
    if link not in _codec.FRAMINGS:
        names = ", ".join(name for name in _codec.FRAMINGS if name)
        raise ValueError(f"link is one of {names}, not {link!r}")
    return link


def checked_direction(direction: str) -> str:
    """Who sent a stream, "" where it is not known."""
    if type(direction) is str and direction in (C2S, S2C, ""):
        return direction
    return DIRECTIONS[direction_number(direction)]  # which says what is wrong


def fault_error(batch: Batch) -> MalformedError:
    """The first fault of a batch as an exception that carries the batch."""
    faults = batch.faults
    row = np.asarray(faults)[0]
    code = FaultCode(int(row["code"]))
    error = MalformedError(
        fault_table(faults[:1]).text()[0],
        offset=int(row["offset"]),
        field=FAULT_FIELDS.get(int(row["field"]), ""),
        need=int(row["need"]),
        have=int(row["have"]),
        code=code,
    )
    error.batch = batch  # type: ignore[attr-defined]
    return error


def decode_one_side(batch: Batch, buf: Buffer, start: int) -> None:
    """What one side of a file transfer says; which one is told by how it begins."""
    from mmscodec.winmx.filetransfer import HELD, adopt, positions, scan_transfer

    raw = bytes(memoryview(buf).cast("B")[:HELD])
    asked, _, verb = scan_transfer(raw, b"")
    if not verb:
        _, asked, _ = scan_transfer(b'GET""', raw)
        if len(asked) == (raw[:1] == b"1") and len(raw) % 8 == len(asked):
            asked += positions(raw, len(asked))
    adopt(batch, raw, asked, start)


def decode_cache_reply(batch: Batch, buf: Buffer, start: int) -> None:
    """A peer-cache reply, whole or cut, with the faults of its bytes that no row covers."""
    raw = memoryview(buf).cast("B")
    scan_cache_reply(batch, raw, start)
    size = len(raw)
    head = bytes(raw[:17])
    faults = []
    if size and head[0] != 0x38:
        faults.append(unknown_fault(start, 0x38, head[0], 1))
    if size >= 17 and cipher.check_key_block(head[1:]) is not cipher.Role.CACHE:
        faults.append(key_block_fault(start + 1, 16))
    progress = Progress(head, size, size, position=batch.consumed - start)
    for row in cache_server(progress):
        row["offset"] += start
        faults.append(row)
    add_faults(batch, faults)


def scan_cache_reply(batch: Batch, raw: memoryview, start: int = 0) -> None:
    """The row of a peer-cache reply with the whole records that are there, deciphered."""
    whole = min((len(raw) - RECORDS_FROM) // RECORD.itemsize, 10)
    if whole < 1:
        batch.scan(b"", "cache", start)
        return
    end = RECORDS_FROM + whole * RECORD.itemsize
    records = cipher.cache_decipher(raw[RECORDS_FROM:end], raw[17:RECORDS_FROM])
    batch.scan(bytes(raw[:RECORDS_FROM]) + records, "cache", start)


def decode_datagrams(
    datagrams: Sequence[Buffer], *, enciphered: bool = True, out: Batch | None = None
) -> Batch:
    """Decode UDP datagrams between primaries.

    Parameters
    ----------
    datagrams : sequence of bytes-like
        One item a datagram, as captured.
    enciphered : bool
        False for datagrams that are plain already.
    out : Batch, optional
        A batch whose memory is used again.

    Returns
    -------
    Batch
        Link `udp`; `batch["RoomAdvertisement"]` holds the known kind. Offsets count through the
        plain bytes of all datagrams together. One of less than 5 bytes has no type (0xFFFF).

    Notes
    -----
    Sections 6.5 and 10.2.
    """
    plain = [cipher.udp_decipher(item) if enciphered else bytes(item) for item in datagrams]
    lengths = np.array([len(item) for item in plain], np.int64)
    rows = np.zeros(len(plain), PACKET_ROWS)
    rows["offset"] = np.cumsum(lengths) - lengths
    rows["length"] = lengths
    rows["type"] = [item[4] if len(item) > 4 else 0xFFFF for item in plain]
    rows["data_length"] = np.minimum(lengths, 0xFFFF)
    batch = Batch() if out is None else out
    batch.adopt(b"".join(plain), "udp", 0, rows, int(lengths.sum()))
    return batch


def node_lists(buf: Buffer, copy: bool | None = None) -> np.ndarray:
    """The records of all NodeLists (0x03A1) as one array of shape (packets, 8).

    Parameters
    ----------
    buf : bytes-like
        Plain frames. Other packet types among them are skipped.
    copy : bool or None
        As NumPy 2 means it. None: a view where the buffer is a regular run of 100-byte NodeList
        frames, a copy elsewhere. True: always a copy. False: a view or ValueError.

    Returns
    -------
    numpy.ndarray
        Shape (packets, 8), dtype ip >u4 (octets in network order), udp_port <u2, tcp_port <u2,
        free_primary_slots, free_secondary_slots, x, reserved u1: the 12-byte record of the wire.
        Record 0 of each packet is the current primary. A view has strides (100, 12), shares and
        keeps alive the caller's memory and is writable where that is.

    Raises
    ------
    ValueError
        ``copy=False`` and the buffer is no regular run.
    TruncatedError
        The buffer ends inside a frame.
    MalformedError
        A NodeList has other than eight records; `decode` takes those.

    Notes
    -----
    Section 4. The view is made after one pass that reads the headers and nothing else.

    Examples
    --------
    >>> from mmscodec import winmx
    >>> frame = bytes.fromhex("A1 03 60 00") + bytes([192, 0, 2, 10, 113, 24, 43, 26, 8, 100, 1, 0])
    >>> lists = winmx.node_lists((frame + bytes(84)) * 2)
    >>> lists.shape, lists.strides, lists["tcp_port"][:, 0].tolist()
    ((2, 8), (100, 12), [6699, 6699])
    """
    frames = _frames.regular_lists(buf)
    if frames >= 0:
        if copy:
            return _frames.copied_lists(buf, frames)
        if frames == 0:
            return np.empty((0, 8), RECORD)
        return np.frombuffer(buf, _FRAME)["nodes"]  # type: ignore[call-overload]
    if copy is False:
        raise ValueError(
            "Unable to avoid copy while creating an array of node lists: the buffer is no "
            "regular run of 100-byte frames"
        )
    batch = Batch()
    batch.scan(buf, "secondary", 0)
    length = memoryview(buf).nbytes
    if batch.consumed != length:
        raise TruncatedError(
            f"the buffer ends inside a frame: need {batch.need} bytes at 0x{batch.consumed:x}, "
            f"have {length - batch.consumed}",
            offset=batch.consumed,
            need=batch.need,
            have=length - batch.consumed,
            field="length",
            section="3",
        )
    lists, odd = _codec.gathered_lists(batch)
    if lists is None:
        row = batch.packets[odd]
        raise MalformedError(
            f"0x{int(row['offset']):x}: a node list of {int(row['data_length']) / 12:g} records "
            "has no place in an array of eight; decode() takes it",
            offset=int(row["offset"]),
            field="length",
            need=96,
            have=int(row["data_length"]),
            section="4.2",
        )
    return lists
