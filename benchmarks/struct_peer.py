"""A parser of MMS for asyncio, as a user would write it: a Protocol, a bytearray and `struct`."""

from __future__ import annotations

import asyncio
import struct

from benchmarks.rivals import SESSION, Lists

_HEAD = struct.Struct("<4xIIIIHHQ").unpack_from
_CHUNK = struct.Struct("<II").unpack_from
_BODY = struct.Struct("<IBBH").unpack_from


class StructPeer(asyncio.Protocol):
    """Rows of one direction, as `benchmarks.rivals.struct_loop` gives them; it trusts the stream.

    Attributes
    ----------
    rows : tuple of three lists
        Packets, messages and Data packets, with offsets from the start of the stream.
    ended : asyncio.Future
        Done when the other end has closed.
    """

    def __init__(self) -> None:
        self.rows: Lists = ([], [], [])
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._kept = bytearray()
        self._base = 0  # offset in the stream of the first byte kept

    def data_received(self, data: bytes) -> None:
        """Take what is complete out of the buffer."""
        self._kept += data
        used = self._parse()
        del self._kept[:used]
        self._base += used

    def connection_lost(self, exc: Exception | None) -> None:
        """All has come."""
        self.ended.set_result(None)

    def _parse(self) -> int:
        packets, messages, media = self.rows
        data, base, p, n = self._kept, self._base, 0, len(self._kept)
        while n - p >= 8:
            location, incarnation, flags, size = _BODY(data, p)
            if incarnation == 0xCE and _CHUNK(data, p)[1] == SESSION:
                if n - p < 32:
                    break
                _, length, _, _, seq, _, _ = _HEAD(data, p)
                if n - p < length + 16:
                    break
                packets.append((base + p, length + 16, seq))
                q, end = p + 32, p + 16 + length
                while q < end:
                    units, mid = _CHUNK(data, q)
                    messages.append((base + q, units * 8, mid))
                    q += units * 8
                p = end
            else:
                if n - p < size:
                    break
                media.append((base + p, size, location, incarnation, flags))
                p += size
        return p
