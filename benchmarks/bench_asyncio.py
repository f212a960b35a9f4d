"""A stream over loopback: `aio.Peer`, a parser by `struct`, and the C loop without a network."""

import asyncio

import numpy as np
import pytest

from benchmarks import corpus
from benchmarks.harness import Run
from benchmarks.mms_loop import Loop
from benchmarks.struct_peer import StructPeer
from mmscodec import aio, mms

STREAMS = {"control": corpus.control, "media": corpus.media, "mixed": corpus.mixed}
COLUMNS = (
    ("packets", ("offset", "length", "seq")),
    ("messages", ("offset", "length", "mid")),
    ("data", ("offset", "length", "location_id", "play_incarnation", "af_flags")),
)
SIZE = 16 << 20


def serving(data):
    """A coroutine that serves `data` to one connection that `receive(port)` makes."""

    async def say(peer):
        peer.write(data)
        await peer.drain()

    async def over(receive):
        server = await aio.serve(say, port=0)
        async with server:
            return await receive(server.sockets[0].getsockname()[1])

    return over


async def by_peer(port):
    found = [[], [], []]
    async with await aio.connect("127.0.0.1", port, decoder=mms.Decoder) as peer:
        async for batch in peer:
            for rows, more in zip(found, (batch.packets, batch.messages, batch.data)):
                rows.append(more)
    return [np.concatenate(rows) for rows in found]


async def by_struct(port):
    loop = asyncio.get_running_loop()
    transport, peer = await loop.create_connection(StructPeer, "127.0.0.1", port)
    await peer.ended
    transport.close()
    return peer.rows


def same(ours, theirs) -> None:
    """The same rows, but for the last ones, which wait for a header that does not come."""
    for table, (_, names), rows in zip(ours, COLUMNS, theirs):
        assert 0 <= len(rows) - len(table) <= 1
        columns = np.array(rows[: len(table)], np.int64).reshape(-1, len(names)).T
        for name, column in zip(names, columns):
            assert np.array_equal(table[name], column), name


@pytest.mark.parametrize("name", STREAMS)
def bench_loopback(contest, name):
    stream = STREAMS[name](64)
    whole = stream.part(SIZE)
    counts = (stream.packets, stream.messages, stream.media)
    data = whole[: Loop(np.frombuffer(whole, np.uint8), *counts)()]  # up to its last whole packet
    over = serving(data)
    ours, theirs = asyncio.run(over(by_peer)), asyncio.run(over(by_struct))
    same(ours, theirs)
    rows = sum(map(len, theirs))
    loop = Loop(np.frombuffer(data, np.uint8), *map(len, theirs))
    assert loop() == len(data)
    contest(
        f"{len(data) / 1e6:.0f} MB of {name} over loopback, all rows looked at",
        [
            Run("aio.Peer", lambda: asyncio.run(over(by_peer)), len(data), rows),
            Run("asyncio and struct", lambda: asyncio.run(over(by_struct)), len(data), rows),
            loop.run(rows),
        ],
        roofs=["asyncio and struct", "C loop"],
        rounds=5,
    )
