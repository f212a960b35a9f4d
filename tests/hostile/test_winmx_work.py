"""WinMX: what is looked at and written is at most a constant times the input, by counters."""

import random
import struct

import pytest

from mmscodec import winmx
from mmscodec.winmx import cipher
from mmscodec.winmx.cipher import Role

SIZE = 30_000
CHUNKS = (3, 90, SIZE)
CLIENT_BLOCK = cipher.key_block(Role.SECONDARY_CLIENT, bytes(range(16)))
SERVER_BLOCK = cipher.key_block(Role.SECONDARY_SERVER, bytes(range(16)))


def zeros(rng):
    return bytes(SIZE)


def noise(rng):
    return rng.randbytes(SIZE)


def longest(rng):
    """One frame of the greatest length after the other, none of them whole until late."""
    return (struct.pack("<HH", 0x03A1, 0xFFFF) + bytes(0xFFFF))[:SIZE] + struct.pack("<HH", 1, 0)


def falling(rng):
    """Frames that begin inside of others, with lengths up to the end."""
    return b"".join(struct.pack("<HH", 0x03A1, SIZE - at - 4) for at in range(0, SIZE, 4))


def lists(rng):
    return (struct.pack("<HH", 0x03A1, 96) + bytes(96)) * (SIZE // 100)


def uneven(rng):
    """Node lists that no record fits."""
    return (struct.pack("<HH", 0x03A1, 11) + bytes(11)) * (SIZE // 15)


def empty_items(rng):
    """Packets of every type without data."""
    return b"".join(struct.pack("<HH", rng.randrange(65536), 0) for _ in range(SIZE // 4))


KINDS = (zeros, noise, longest, falling, lists, uneven, empty_items)


def rows_of(batch):
    return len(batch.packets) + len(batch.faults) + len(batch.nodes)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("link", ["secondary", "primary", "chat", "legacy", "cache", "transfer"])
def test_of_a_decoder(kind, link):
    data = kind(random.Random(5))
    for size in CHUNKS:
        decoder, rows = winmx.Decoder(link=link), 0
        for at in range(0, len(data), size):
            rows += rows_of(decoder.feed(data[at : at + size]))
        rows += rows_of(decoder.close())
        assert decoder._examined <= 4 * len(data)
        assert rows <= len(data)  # the shortest thing with rows has four bytes, and few of them


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("link", ["secondary", "primary", "chat", "legacy"])
def test_of_a_whole_buffer(kind, link):
    """A scan hops over each frame once: rows, and the bytes that they cover, are bounded."""
    data = kind(random.Random(6))
    batch = winmx.decode(data, link=link)
    assert rows_of(batch) <= len(data)
    assert int(batch.packets["length"].sum()) == batch.consumed <= len(data)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("greeted", [True, False])
@pytest.mark.parametrize("client", [b"", CLIENT_BLOCK, b"GET "], ids=["silent", "client", "http"])
def test_of_a_conversation(kind, greeted, client):
    """In any order, with and without keys."""
    rng = random.Random(7)
    data = kind(rng)[:10_000]
    head = b"1" + SERVER_BLOCK if greeted else b"1"
    for size in (3, 1400):
        talk = winmx.Conversation(max_buffered=4096)
        given, rows = 0, 0
        streams = {"C>S": client + data, "S>C": head + data}
        at = dict.fromkeys(streams, 0)
        while any(at[side] < len(stream) for side, stream in streams.items()):
            side = rng.choice(list(streams))
            piece = streams[side][at[side] : at[side] + size]
            at[side] += len(piece)
            given += len(piece)
            rows += rows_of(talk.feed(side, piece))
            assert talk.held <= 2 * 4096 + 2 * 65_540
        rows += sum(rows_of(batch) for batch in talk.close())
        # as long as nothing is known, the 33 bytes of both handshakes are looked at for each piece
        assert talk._examined <= 40 * given
        assert rows <= given
