"""Peers in an asyncio loop: memory of the decoder, backpressure, batches, both roles."""

import asyncio
import random
import sys

import pytest

from mmscodec import aio, mms, winmx
from tests.embedding import many
from tests.mms import streams


def factories():
    """A loop of each kind that is here."""
    yield pytest.param(asyncio.new_event_loop, id="asyncio")
    try:
        import uvloop
    except ImportError:
        reason = "uvloop is not installed: peers were not tried in its loop"
        yield pytest.param(None, id="uvloop", marks=pytest.mark.skip(reason=reason))
    else:
        yield pytest.param(uvloop.new_event_loop, id="uvloop")


@pytest.fixture(params=factories())
def run(request):
    """Runs a coroutine to its end, half a minute at most."""

    def run(main):
        with asyncio.Runner(loop_factory=request.param) as runner:
            return runner.run(asyncio.wait_for(main, 30))

    return run


async def listening(handler, **options):
    server = await aio.serve(handler, port=0, **options)
    return server, server.sockets[0].getsockname()[1]


class Watched(aio.Peer):
    """Says when it has enough, and when the network has."""

    def __init__(self, **options):
        super().__init__(**options)
        self.full, self.stuck, self.most = asyncio.Event(), asyncio.Event(), 0

    def buffer_updated(self, nbytes):
        super().buffer_updated(nbytes)
        self.most = max(self.most, self.waiting)
        if self.waiting > self.max_waiting:
            self.full.set()

    def pause_writing(self):
        super().pause_writing()
        self.stuck.set()


async def watched(port, **options):
    loop = asyncio.get_running_loop()
    return (await loop.create_connection(lambda: Watched(**options), "127.0.0.1", port))[1]


def test_a_client_and_a_server_talk(run):
    async def answer(peer):
        async for batch in peer:
            for name in batch.column("LinkViewerToMacOpenFile", "file_name"):
                await peer.send("LinkMacToViewerReportOpenFile", play_incarnation=len(name))

    async def main():
        server, port = await listening(answer)
        async with server, await aio.connect("127.0.0.1", port) as peer:
            found = []
            for name in ("a", "film.asf"):
                await peer.send("LinkViewerToMacOpenFile", file_name=name, play_incarnation=1)
                batch = await anext(peer)
                found += batch["LinkMacToViewerReportOpenFile"]["play_incarnation"].tolist()
                assert batch.packets["seq"].tolist() == [len(found) - 1]
            return found

    assert run(main()) == [1, 8]


def test_rows_are_those_of_the_whole_stream(run):
    rng = random.Random(4)
    sent = b"".join(streams.server_stream(rng, 300, varying=True))

    async def say(peer):
        at = 0
        while at < len(sent):
            size = rng.randrange(1, 9000)
            peer.write(sent[at : at + size])
            await peer.drain()
            at += size

    async def main():
        server, port = await listening(say)
        async with server, await aio.connect("127.0.0.1", port, size=5000) as peer:
            payloads, batches = [], []
            async for batch in peer:
                batches.append(batch)
                payloads += [bytes(batch.payload(i)) for i in range(len(batch.data))]
            # bytes that a batch shows do not change while others come
            again = [bytes(b.payload(i)) for b in batches for i in range(len(b.data))]
            return payloads, again, [row for b in batches for row in b.data["offset"].tolist()]

    payloads, again, offsets = run(main())
    whole = mms.decode(sent)
    assert payloads == again == [bytes(whole.payload(i)) for i in range(len(whole.data))]
    assert offsets == whole.data["offset"].tolist()


def test_who_takes_no_batches_receives_no_more_than_the_ceiling(run):
    total = 8 << 20

    async def pour(peer):
        for _ in range(total // (48 * 1024)):
            peer.write(streams.PING * 1024)
            await peer.drain()

    async def main():
        server, port = await listening(pour)
        options = {"max_waiting": 1 << 16, "size": 1 << 14}
        async with server, await watched(port, **options) as peer:
            await peer.full.wait()
            count = 0
            async for batch in peer:
                count += len(batch.packets)
            assert 1 << 16 < peer.most <= (1 << 16) + (1 << 14)
            return count

    assert run(main()) == total // (48 * 1024) * 1024


def test_who_is_not_read_waits(run):
    async def main():
        stop = asyncio.Event()

        async def idle(peer):
            peer.transport.pause_reading()
            await stop.wait()

        server, port = await listening(idle)
        async with server, await watched(port) as peer:
            peer.write(bytes(64 << 20))
            await peer.stuck.wait()
            waits = asyncio.create_task(peer.drain())
            peer.transport.abort()
            with pytest.raises(ConnectionError):
                await waits
            stop.set()

    run(main())


def test_what_was_begun_is_decided_at_the_end(run):
    rows = streams.data(5, 3, 1, bytes(100)) * 2

    async def say(peer):
        peer.write(streams.PING + rows)

    async def main():
        server, port = await listening(say)
        async with server, await aio.connect("127.0.0.1", port, decoder=mms.Decoder) as peer:
            return [(len(b.packets), len(b.data)) async for b in peer]

    assert sum(packets for packets, _ in run(main())) == 1


def test_errors_come_behind_the_batches(run):
    async def say(peer):
        peer.write(streams.PING + b"no packet begins like this")

    def strict():
        return mms.Decoder(on_fault="raise")

    async def main():
        server, port = await listening(say)
        async with server, await aio.connect("127.0.0.1", port, decoder=strict) as peer:
            async for _ in peer:
                pass

    with pytest.raises(ValueError, match="unknown structure"):
        run(main())


def test_one_loop_over_the_batches_at_a_time(run):
    async def quiet(peer):
        await anext(peer)

    async def main():
        server, port = await listening(quiet)
        async with server, await aio.connect("127.0.0.1", port) as peer:
            peer.write(streams.PING)
            both = await asyncio.gather(anext(peer), anext(peer), return_exceptions=True)
            assert [type(one) for one in both] == [StopAsyncIteration, RuntimeError]

    run(main())


def test_a_failing_handler_is_told_to_the_loop(run):
    told = []

    async def fail(peer):
        raise KeyError("why")

    async def main():
        asyncio.get_running_loop().set_exception_handler(lambda _, about: told.append(about))
        server, port = await listening(fail)
        async with server, await aio.connect("127.0.0.1", port) as peer:
            assert [batch async for batch in peer] == []

    run(main())
    assert isinstance(told[0]["exception"], KeyError)


def test_other_decoders_are_taken(run):
    async def say(peer):
        peer.write(many.LISTS)

    async def main():
        server, port = await listening(say)
        async with server, await aio.connect("127.0.0.1", port, decoder=winmx.Decoder) as peer:
            return sum([len(batch.nodes) async for batch in peer])

    assert run(main()) == len(winmx.decode(many.LISTS).nodes)


def test_memory_is_used_again_when_nobody_looks_at_it():
    memory = aio.Memory(8192)
    first = memory.free()
    first[:3] = b"abc"
    view = memory.filled(8000)
    held = memory.free()  # too little is left: another block
    assert len(held) == 8192
    held[:3] = b"abc"
    assert bytes(view[:3]) == b"abc"
    assert view.readonly
    memory.filled(8000)
    del first, view, held
    again = memory.free()
    assert bytes(again[:3]) == b"abc"
    with pytest.raises(ValueError, match="size"):
        aio.Memory(0)


@pytest.mark.skipif(sys.platform == "win32", reason="no Unix sockets")
def test_a_peer_works_over_any_stream_transport(run, tmp_path):
    async def main():
        loop = asyncio.get_running_loop()
        path = str(tmp_path / "s")
        found = []

        async def count(reader, writer):
            found.append(await reader.read(48))
            writer.write(streams.PING * 2)
            writer.close()

        server = await asyncio.start_unix_server(count, path)
        _, peer = await loop.create_unix_connection(aio.Peer, path)
        async with server, peer:
            await peer.send("LinkMacToViewerPing")
            return sum([len(batch.messages) async for batch in peer]), len(found[0])

    assert run(main()) == (2, 48)
