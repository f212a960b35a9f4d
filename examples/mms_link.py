"""One MMS connection, as server and client both use it: packets out, messages and Data in.

Everything on the wire goes through `mmscodec.mms`: `encode` writes it, `Decoder` reads the TCP
stream however the network cuts it, `decode` reads datagrams.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import IO, Any

from mmscodec import mms

CLOSING = 1.0  # seconds for the last bytes to be taken


class Message:
    """A received message: `message["hr"]`, `message["file_name"]`; any field by its Python name."""

    def __init__(self, batch: mms.Batch, name: str, index: int) -> None:
        self.batch, self.name, self.index = batch, name, index

    def __getitem__(self, field: str) -> Any:
        return self.batch.column(self.name, field)[self.index]

    def number(self, field: str) -> int:
        """An integer field."""
        return int(self[field])

    def __repr__(self) -> str:
        return self.name


class Data:
    """A received Data packet."""

    def __init__(self, batch: mms.Batch, index: int) -> None:
        row = batch.data[index]
        self.location_id = int(row["location_id"])
        self.play_incarnation = int(row["play_incarnation"])
        self.af_flags = int(row["af_flags"])
        self.payload = bytes(batch.payload(index))

    def is_packet_pair(self) -> bool:
        """True for the filler that measures the line over UDP (not every 0xFF is one)."""
        return self.location_id in (0xF0F0F000, 0xF0F0F001) and self.af_flags == 0x10


def bytes_of(batch: mms.Batch, packet: Any) -> bytes:
    """All bytes of a row of `batch.packets`; a packet lies in one piece."""
    offset, length = int(packet["offset"]), int(packet["length"])
    start, piece = [piece for piece in batch.pieces if piece[0] <= offset][-1]
    return bytes(memoryview(piece)[offset - start : offset - start + length])


def received(batch: mms.Batch) -> Iterator[Message | Data]:
    """Messages and Data packets of a batch in the order of the wire."""
    found: list[tuple[int, Message | Data]] = []
    for name in {mms.message_name(int(mid)) for mid in batch.messages["mid"]}:
        if name in mms.MESSAGES or name == "RequestPacketListResend":
            offsets = batch.messages["offset"][batch.rows(name)].tolist()
            found += [(at, Message(batch, name, i)) for i, at in enumerate(offsets)]
    found += [(at, Data(batch, i)) for i, at in enumerate(batch.data["offset"].tolist())]
    for _, thing in sorted(found, key=lambda pair: pair[0]):
        yield thing


class Log:
    """What was sent and received, one JSON object a line; a capture must agree with it."""

    def __init__(self, file: IO[str] | None = None) -> None:
        self.file = file

    def __call__(self, direction: str, kind: str, peer: str, **values: Any) -> None:
        """Add a line: dir (c2s, s2c, -), kind (connect, tcpmsg, data, lost, resend, close)."""
        if self.file is not None:
            line = {"dir": direction, "kind": kind, **values, "t": time.time(), "peer": peer}
            self.file.write(json.dumps(line) + "\n")
            self.file.flush()


class Link:
    """One control connection.

    Parameters
    ----------
    reader, writer : asyncio streams
    log : Log
    sends, receives : str
        Names of the two directions in the log.
    patience : float
        Seconds for which a peer may not read.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, log: Log,
        sends: str = "s2c", receives: str = "c2s", patience: float = 10.0,
    ) -> None:  # fmt: skip
        self.patience = patience
        self.reader, self.writer, self.log = reader, writer, log
        self.sends, self.receives = sends, receives
        self.host, port = (writer.get_extra_info("peername") or ("", 0))[:2]
        self.peer = f"{self.host}:{port}"
        self.seq = 0
        self.started = time.monotonic()

    def send(self, name: str, **fields: Any) -> None:
        """Send one message in a packet of its own."""
        elapsed = round((time.monotonic() - self.started) * 1000)
        packet = mms.encode(name, seq=self.seq & 0xFFFF, time_sent=elapsed, **fields)
        self.log(self.sends, "tcpmsg", self.peer, seq=self.seq & 0xFFFF, time=elapsed,
                 mids=[packet[36:40][::-1].hex()], hex=packet.hex())  # fmt: skip
        self.seq += 1
        self.write(packet)

    def write(self, data: bytes) -> None:
        """Send bytes; nothing happens when the connection has gone."""
        if not self.writer.is_closing():
            self.writer.write(data)

    async def drain(self) -> None:
        """Wait until the network has taken what was sent.

        Raises
        ------
        ConnectionError
            The connection has gone, or the peer reads nothing: what waits for it would grow.
        """
        if self.writer.transport.get_write_buffer_size() == 0:
            await self.writer.drain()  # which says that the connection has gone
            return
        try:
            await asyncio.wait_for(self.writer.drain(), self.patience)
        except TimeoutError:
            self.writer.transport.abort()
            raise ConnectionError(f"{self.peer} does not read what it is sent") from None

    async def receive(self) -> AsyncIterator[Message | Data]:
        """Messages and Data packets until the peer closes."""
        decoder = mms.Decoder(live=True)  # the peer may wait for our answer
        while chunk := await self.reader.read(1 << 16):
            batch = decoder.feed(chunk)
            for packet in batch.packets:
                raw = bytes_of(batch, packet)
                self.log(self.receives, "tcpmsg", self.peer, seq=int(packet["seq"]),
                         chunkCount=int(packet["chunk_count"]), messageLength=len(raw) - 16,
                         hex=raw.hex())  # fmt: skip
            for thing in received(batch):
                yield thing

    async def close(self) -> None:
        """Close the connection; a peer that has gone already, or does not read, is no error."""
        self.writer.close()
        with contextlib.suppress(OSError):
            try:
                await asyncio.wait_for(self.writer.wait_closed(), CLOSING)
            except TimeoutError:
                self.writer.transport.abort()
