"""Many connections in one call, peers in a loop, and two threads: each against one decoder."""

import asyncio
import threading

import numpy as np

from benchmarks import corpus
from benchmarks.harness import Run
from mmscodec import aio, mms, winmx

CHUNK = 1400
PING = mms.encode("LinkMacToViewerPing")
LIST = bytes.fromhex("a1036000") + bytes(96)


def media(count: int) -> list[bytes]:
    """Chunks of one stream of Data packets of 1,448 bytes, cut every 1,400 bytes."""
    packets = [
        mms.encode("Data", location_id=i, play_incarnation=4, af_flags=i & 255, payload=bytes(1440))
        for i in range(count)
    ]
    stream = b"".join(packets)
    return [stream[at : at + CHUNK] for at in range(0, len(stream) - CHUNK, CHUNK)]


def bench_media_of_50_000_streams(contest):
    count, pieces = 50_000, media(200)
    decoders, out = mms.Decoders(), mms.ManyBatch()
    numbers = np.array([decoders.open() for _ in range(count)])
    own = [[bytes(bytearray(pieces[k])) for _ in range(count)] for k in range(3)]
    for chunks in own:  # so that a packet is just like the one before
        decoders.feed(numbers, chunks, out=out)
    del own
    steps = iter(range(3, len(pieces)))
    chunks: list[bytes] = []

    def prepare():
        assert len(out.faults) == 0
        piece = pieces[next(steps)]
        chunks[:] = [bytes(bytearray(piece)) for _ in range(count)]

    def feed():
        return len(decoders.feed(numbers, chunks, out=out).data)

    single = mms.Decoder()
    batch = mms.Batch()

    def one_by_one():
        for piece in pieces:
            single.feed(piece, out=batch)

    run = Run("Decoders.feed(out=)", feed, CHUNK * count, count, before=prepare)
    one = Run("Decoder.feed(out=), one stream", one_by_one, CHUNK * len(pieces), len(pieces))
    title = "50,000 streams of media, 1,400-byte chunks; a row is a chunk"
    contest(title, [run, one], roofs=[one.name])


def bench_control_of_20_000_streams(contest):
    count = 20_000
    chunk = PING * 29
    chunks = [bytes(bytearray(chunk)) for _ in range(count)]
    whole = b"".join(chunks)
    decoders, out, batch = mms.Decoders(), mms.ManyBatch(), mms.Batch()
    numbers = np.array([decoders.open() for _ in range(count)])
    assert len(decoders.feed(numbers, chunks).messages) == len(mms.decode(whole).messages)
    size = len(whole)
    contest(
        "20,000 streams of Pings, 29 a chunk; a row is a chunk",
        [
            Run(
                "Decoders.feed(out=)", lambda: decoders.feed(numbers, chunks, out=out), size, count
            ),
            Run("Decoders.feed", lambda: decoders.feed(numbers, chunks), size, count),
            Run("mms.decode(out=)", lambda: mms.decode(whole, out=batch), size, count),
        ],
        roofs=["mms.decode(out=)"],
    )


def bench_winmx_of_20_000_streams(contest):
    count = 20_000
    chunks = [bytes(bytearray(LIST * 14)) for _ in range(count)]
    whole = b"".join(chunks)
    decoders, out, batch = winmx.Decoders(), winmx.ManyBatch(), winmx.Batch()
    numbers = np.array([decoders.open() for _ in range(count)])
    assert len(decoders.feed(numbers, chunks).packets) == 14 * count

    def decode():
        return len(winmx.decode(whole, out=batch).packets)

    contest(
        "20,000 streams of node lists, 14 a chunk; a row is a chunk",
        [
            Run("Decoders.feed(out=)", lambda: decoders.feed(numbers, chunks, out=out),
                len(whole), count),
            Run("winmx.decode(out=).packets", decode, len(whole), count),
        ],
        roofs=["winmx.decode(out=).packets"],
    )  # fmt: skip


def bench_two_threads_on_two_decoders(contest):
    count = 5_000
    sets = []
    for _ in range(2):
        decoders = mms.Decoders()
        numbers = np.array([decoders.open() for _ in range(count)])
        chunks = [bytes(bytearray(PING * 29)) for _ in range(count)]
        sets.append((decoders, numbers, chunks, mms.ManyBatch()))

    def work(decoders, numbers, chunks, out):
        for _ in range(4):
            decoders.feed(numbers, chunks, out=out)

    def two():
        threads = [threading.Thread(target=work, args=one) for one in sets]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def one():
        for each in sets:
            work(*each)

    size, rows = 2 * 4 * count * len(PING) * 29, 2 * 4 * count
    contest(
        "two mms.Decoders of 5,000 streams of Pings; a row is a chunk",
        [Run("two threads", two, size, rows), Run("one thread", one, size, rows)],
        roofs=["one thread"],
    )


def bench_a_peer_over_loopback(contest):
    data = corpus.mixed(64).part(32 << 20)
    messages = len(mms.decode(data).messages)

    async def say(peer):
        peer.write(data)
        await peer.drain()

    async def by_peer():
        server = await aio.serve(say, port=0)
        port = server.sockets[0].getsockname()[1]
        async with server, await aio.connect("127.0.0.1", port, decoder=mms.Decoder) as peer:
            return sum([len(batch.messages) async for batch in peer])

    async def by_stream():
        server = await aio.serve(say, port=0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            decoder, found = mms.Decoder(), 0
            while chunk := await reader.read(1 << 18):
                found += len(decoder.feed(chunk).messages)
            writer.close()
        return found

    assert asyncio.run(by_peer()) == asyncio.run(by_stream()) == messages
    contest(
        "32 MB over loopback",
        [
            Run("aio.Peer", lambda: asyncio.run(by_peer()), len(data), 0),
            Run("StreamReader and Decoder", lambda: asyncio.run(by_stream()), len(data), 0),
        ],
        roofs=["StreamReader and Decoder"],
    )
