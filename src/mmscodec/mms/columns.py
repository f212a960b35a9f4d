"""Messages as columns: where each field lies, and the gather of what was asked for.

One mechanism for a buffer, a fed decoder and a capture. Each message has a position; `pieces` says
which bytes stand at which positions.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mmscodec.errors import near
from mmscodec.mms._gather import by_kind, distinct, gather, slot_of
from mmscodec.schema import mms as schema
from mmscodec.schema.dtypes import ROWS, SEQUENCE, STREAM_ENTRY, in_capture
from mmscodec.schema.fields import Field, Message, Struct, ansi_decode

if TYPE_CHECKING:
    from mmscodec.tables.data import Spans

EXTENTS = np.dtype([("offset", "=i8"), ("length", "=i8")])


def struct_of(message: str | int) -> tuple[int, Struct]:
    """MID and structure of a message given by its name, whole or short, or its MID."""
    if message in (schema.RESEND.name, schema.RESEND_SIGNATURE):
        return schema.RESEND_SIGNATURE, schema.RESEND
    found: Message | None
    if isinstance(message, str):
        found = schema.BY_NAME.get(schema.full_name(message))
    else:
        found = schema.BY_MID.get(int(message))
    if found is None:
        hint = near(message, [*schema.BY_NAME, *schema.SHORT_NAMES, schema.RESEND.name])
        raise KeyError(f"no message is called {message!r}{hint}")
    return found.mid, found


class MessageColumns:
    """Columns of the messages of one batch or capture.

    Parameters
    ----------
    messages : numpy.ndarray
        The messages table.
    positions : numpy.ndarray
        int64, ascending, one a message: where it lies in `pieces`.
    pieces : sequence of (int, bytes-like)
        Position of the first byte and the bytes, ascending by position.
    """

    def __init__(
        self, messages: np.ndarray, positions: np.ndarray, pieces: Sequence[tuple[int, Any]]
    ) -> None:
        self.messages = messages
        self.positions = positions
        self.pieces = tuple(pieces)
        self._starts = np.array([start for start, _ in self.pieces], "=i8")
        self._views: dict[int, memoryview] = {}

    def rows(self, message: str | int) -> np.ndarray:
        """Rows of `messages` that hold this message and all of its fixed part; a copy."""
        return self._rows(message).copy()

    @cached_property
    def _kinds(self) -> tuple[np.ndarray, np.ndarray]:
        # who asks for one kind asks for others: all are sorted out together
        return by_kind(np.ascontiguousarray(self.messages), schema.RESEND.fixed_size)

    def _rows(self, message: str | int) -> np.ndarray:
        rows, bounds = self._kinds
        slot = slot_of(struct_of(message)[0])
        return rows[bounds[slot] : bounds[slot + 1]]

    def array(self, message: str | int) -> np.ndarray:
        """Structured array of the fixed fields, one row a message; a copy."""
        _, struct = struct_of(message)
        rows = self._rows(message)
        wire = ROWS[struct.name]
        timed = "time" in (self.messages.dtype.names or ())
        out = np.empty(len(rows), in_capture(wire) if timed else wire)
        positions, lengths = self.positions[rows], self.messages["length"][rows]
        cuts = [*np.searchsorted(positions, self._starts).tolist(), len(rows)]
        for (start, piece), low, high in zip(self.pieces, cuts, cuts[1:]):
            gather(
                piece, start, positions[low:high], lengths[low:high], out[low:high], wire.itemsize
            )
        if timed:
            for name in ("time", "flow", "direction"):
                out[name] = self.messages[name][rows]
        return out

    def extents(self, message: str | int, field: str) -> np.ndarray:
        """Where a field of each message lies: stream offset and length in bytes (int64).

        Lengths come from the counts of the message; what a count claims beyond the end of its
        message is cut off (and is a finding). A field that is missing has length 0.
        """
        rows = self._rows(message)
        start, length = self.relative(message, field, rows)
        out = np.empty(len(rows), EXTENTS)
        out["offset"] = self.messages["offset"][rows] + start
        out["length"] = length
        return out

    def column(self, message: str | int, field: str) -> np.ndarray:
        """One field of every such message, in row order.

        Fixed fields: an array of their dtype (ANSI text as an object array of str); optional ones a
        masked array. Variable fields: an object array of str (UTF-16), bytes, or structured arrays
        (aStreamEntries, dwBeginPacketList); None where an optional field is missing.
        """
        _, struct = struct_of(message)
        head, _, rest = field.partition(".")
        found = struct[head]
        if not found.variable:
            return self._fixed(message, found, rest)
        rows = self._rows(message)
        start, length = self.relative(message, found.name, rows)
        if found.kind != "array":
            parts, which = self.values(self.positions[rows], start, length)
            return _objects([_read(found, part) for part in parts])[which]
        places = (self.positions[rows] + start).tolist()
        views = [self.read(*part) if part[1] else b"" for part in zip(places, length.tolist())]
        return _objects([_read(found, view) for view in views])

    def values(
        self, positions: np.ndarray, start: np.ndarray, length: np.ndarray
    ) -> tuple[list[bytes], np.ndarray]:
        """The different bytes of parts of messages, and which of them each has.

        Parameters
        ----------
        positions : numpy.ndarray
            int64, ascending, one a message.
        start, length : numpy.ndarray
            int64: where the part begins in its message, and its bytes.
        """
        known: dict[bytes, int] = {}
        which = np.empty(len(positions), np.int64)
        cuts = [*np.searchsorted(positions, self._starts).tolist(), len(positions)]
        for (first, piece), low, high in zip(self.pieces, cuts, cuts[1:]):
            places, sizes = positions[low:high] + start[low:high], length[low:high]
            numbers, firsts = distinct(piece, first, places, sizes)
            view = memoryview(piece).cast("B")
            some = [
                bytes(view[place - first : place - first + size])
                for place, size in zip(places[firsts].tolist(), sizes[firsts].tolist())
            ]
            found = [known.setdefault(part, len(known)) for part in some]
            which[low:high] = np.array(found, np.int64)[numbers]
        return list(known), which

    def read(self, position: int, length: int) -> memoryview:
        """The bytes at a position: a view of the piece they lie in."""
        index = int(np.searchsorted(self._starts, position, "right")) - 1
        if index < 0:
            raise IndexError(f"no bytes are held at position {position}")
        if index not in self._views:
            self._views[index] = memoryview(self.pieces[index][1]).cast("B").toreadonly()
        view = self._views[index]
        at = position - int(self._starts[index])
        if at + length > len(view):
            raise IndexError(f"{length} bytes at {position} are not held any more")
        return view[at : at + length]

    def _fixed(self, message: str | int, field: Field, rest: str) -> np.ndarray:
        array = self.array(message)
        values = array[field.python_name]
        while rest:
            if field.struct is None:
                raise KeyError(f"{field.name} has no fields")
            head, _, rest = rest.partition(".")
            field = field.struct[head]
            values = values[field.python_name]
        if field.kind == "ansi":
            out = np.empty(len(values), object)
            out[:] = [ansi_decode(v.split(b"\0", 1)[0]) for v in values.tolist()]
            return out
        if field.needs_chunk_len:
            return np.ma.MaskedArray(values, array["chunk_len"] < field.needs_chunk_len)
        return values

    def spans(self, positions: np.ndarray, lengths: np.ndarray) -> Spans:
        """Where parts lie: pieces, number of the piece, offset in it, length (int64)."""
        from mmscodec.tables.data import Spans

        which = np.searchsorted(self._starts, positions, "right") - 1
        starts = positions - self._starts[which] if len(self._starts) else positions
        pieces = [piece for _, piece in self.pieces]
        return Spans(pieces, which.astype(np.int32), starts, np.asarray(lengths, np.int64))

    def relative(
        self, message: str | int, field: str, rows: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Start and length of a field inside of each message, in bytes."""
        # in wire order, so that each follows the one before
        _, struct = struct_of(message)
        wanted = struct[field]
        size = self.messages["length"][rows].astype("=i8")
        if not wanted.variable:
            start = np.minimum(wanted.offset or 0, size)  # an absent one is where the message ends
            return start, np.minimum(wanted.size or 0, np.maximum(size - start, 0))
        fixed = self.array(message)
        end = np.full(len(rows), struct.fixed_size, "=i8")
        for item in struct.variable:
            start, length = _extent(struct, item, fixed, end, size)
            if item is wanted:
                return start, length
            end = start + length
        raise KeyError(field)


def _read(field: Field, raw: Any) -> object:
    # the value of a variable field
    if len(raw) == 0 and field.optional:
        return None
    if field.kind == "utf16":
        return text_of(bytes(raw[: len(raw) & ~1]), field.nul)
    if field.kind == "array":
        dtype = STREAM_ENTRY if field.struct is not None else SEQUENCE
        return np.frombuffer(raw[: len(raw) - len(raw) % dtype.itemsize], dtype)
    return bytes(raw)


def _objects(values: list[Any]) -> np.ndarray:
    out = np.empty(len(values), object)
    for i, value in enumerate(values):  # arrays among them stay arrays
        out[i] = value
    return out


def _extent(
    struct: Struct, field: Field, fixed: np.ndarray, end: np.ndarray, size: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    start = end
    if field.start:
        start = struct.fixed_size + fixed[struct[field.start].python_name].astype("=i8")
    start = np.minimum(start, size)
    room = size - start
    if field.count:
        claimed = fixed[struct[field.count].python_name].astype("=i8") * field.count_unit
        return start, np.minimum(claimed, room)
    for later in struct.variable:  # a field with a place of its own ends one that has no length
        if later.start:
            place = fixed[struct[later.start].python_name].astype("=i8")
            there = fixed[struct[later.count].python_name] > 0
            room = np.where(there, np.minimum(room, place), room)
    return start, room


def text_of(raw: bytes, nul: str) -> str:
    """UTF-16 text of a field, ended as its schema says; lone surrogates are kept."""
    text = raw.decode("utf-16-le", "surrogatepass")
    if nul == "first":
        return text.split("\0", 1)[0]
    if nul == "strings":
        first, *more = text.split("\0")
        named = [part for part in more[:2] if part.startswith(("HOST: ", "VIA: "))]
        return "\0".join([first, *named])
    return text.rstrip("\0")
