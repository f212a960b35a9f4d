"""Collect MMS from many connections at once and print what came, once a second.

    python -m examples.collector --port 1755

Each connection has a decoder and a buffer of its own. asyncio receives into that buffer and
`Decoder.feed` decodes from it; memory is bounded by the number of connections.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from collections import Counter

from mmscodec import mms

CHUNK = 1 << 16
LARGEST = 1 << 20  # a packet that says it is larger is a fault


class Collector:
    """Counts over all connections: packets, messages by name, Data packets, faults, bytes."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def add(self, batch: mms.Batch) -> None:
        """Count the rows of a batch."""
        self.counts["packets"] += len(batch.packets)
        self.counts["data"] += len(batch.data)
        self.counts["faults"] += len(batch.faults)
        for mid in batch.messages["mid"].tolist():
            self.counts[mms.message_name(mid)] += 1

    async def listen(self, host: str = "127.0.0.1", port: int = 0) -> asyncio.Server:
        """Accept connections."""
        loop = asyncio.get_running_loop()
        return await loop.create_server(lambda: Connection(self), host, port)


class Connection(asyncio.BufferedProtocol):
    """One connection: its buffer and its decoder."""

    def __init__(self, collector: Collector) -> None:
        self.collector = collector
        self.buffer = bytearray(CHUNK)
        self.decoder = mms.Decoder(max_packet=LARGEST)

    def get_buffer(self, sizehint: int) -> bytearray:
        """Where asyncio writes next."""
        return self.buffer

    def buffer_updated(self, count: int) -> None:
        """Decode what has come. The batch is done with before the buffer is written again."""
        self.collector.counts["bytes"] += count
        with memoryview(self.buffer)[:count] as chunk:
            self.collector.add(self.decoder.feed(chunk))

    def connection_lost(self, error: Exception | None) -> None:
        """Count what waited for more evidence."""
        self.collector.add(self.decoder.close())
        self.collector.counts["connections"] += 1


async def main() -> None:
    """Collect until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=1755)
    given = parser.parse_args()
    collector = Collector()
    async with await collector.listen(given.host, given.port):
        while True:
            await asyncio.sleep(1)
            print(*(f"{name} {count}" for name, count in sorted(collector.counts.items())))


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
