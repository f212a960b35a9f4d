"""The example collector over loopback: many connections, cut anywhere, all rows."""

import asyncio
from collections import Counter

from examples.collector import Collector
from mmscodec import mms
from tests.peer.loopback import LIMIT, MEDIA

CONNECTIONS = 50
PING = mms.encode("LinkMacToViewerPing")


def stream(number: int) -> bytes:
    """Pings and Data, a different mix for each connection."""
    payload = (MEDIA / "small1400.asf").read_bytes()[:1400]
    parts = [mms.encode("LinkMacToViewerReportStartedPlaying", play_incarnation=9)]
    location = 0
    for _ in range(20):
        parts.append(PING)
        for _ in range(number % 7):
            parts.append(
                mms.encode(
                    "Data", location_id=location, play_incarnation=9, af_flags=location & 0xFF,
                    payload=payload[: 1400 - location],
                )
            )  # fmt: skip
            location += 1
    return b"".join(parts)


class Counts(Counter):
    """Says when all connections have been counted."""

    def __init__(self) -> None:
        super().__init__()
        self.complete = asyncio.Event()

    def __setitem__(self, key: str, value: int) -> None:
        super().__setitem__(key, value)
        if key == "connections" and value == CONNECTIONS:
            self.complete.set()


async def collected(chunk: int) -> Counter:
    collector = Collector()
    counts = collector.counts = Counts()
    server = await collector.listen()
    port = server.sockets[0].getsockname()[1]

    async def send(number: int) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        bytes_ = stream(number)
        for at in range(0, len(bytes_), chunk + number):
            writer.write(bytes_[at : at + chunk + number])
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(send(number) for number in range(CONNECTIONS)))
    await counts.complete.wait()
    server.close()
    await server.wait_closed()
    return counts


def test_every_row_of_every_connection_is_counted_however_the_streams_are_cut():
    data = sum(number % 7 for number in range(CONNECTIONS)) * 20
    for chunk in (700, 1448, 1 << 16):
        counts = asyncio.run(asyncio.wait_for(collected(chunk), LIMIT))
        assert counts["LinkMacToViewerPing"] == CONNECTIONS * 20
        assert counts["data"] == data
        assert counts["faults"] == 0
        assert counts["bytes"] == sum(len(stream(number)) for number in range(CONNECTIONS))
