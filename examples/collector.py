"""Collect MMS from many connections at once and print what came, once a second.

    python -m examples.collector --port 1755

Each connection is an `mmscodec.aio.Peer`: what is received is written into memory of its own and
decoded there, and a connection whose batches are not taken receives nothing more. Memory is bounded
by the number of connections.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from collections import Counter

from mmscodec import aio, mms

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

    async def collect(self, peer: aio.Peer) -> None:
        """One connection, to its end."""
        try:
            async for batch in peer:
                self.add(batch)
        finally:
            self.counts["bytes"] += peer.decoder.position + peer.decoder.buffered
            self.counts["connections"] += 1

    async def listen(self, host: str = "127.0.0.1", port: int = 0) -> asyncio.Server:
        """Accept connections."""
        return await aio.serve(
            self.collect, host, port, decoder=lambda: mms.Decoder(max_packet=LARGEST), size=1 << 16
        )


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
