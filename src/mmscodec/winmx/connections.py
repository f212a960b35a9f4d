"""Many whole connections at once: recognised, deciphered side by side, decoded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from mmscodec.schema.vocabulary import C2S, S2C
from mmscodec.winmx import cipher
from mmscodec.winmx.batch import Batch
from mmscodec.winmx.cipher import Stream
from mmscodec.winmx.decode import scan_cache_reply
from mmscodec.winmx.faultrows import add_faults
from mmscodec.winmx.filetransfer import HELD, decode_transfer
from mmscodec.winmx.recognition import CLIENT_HEAD, SERVER_HEAD, Recognition, recognise
from mmscodec.winmx.unread import Progress, keys_of, unread

if TYPE_CHECKING:
    from typing_extensions import Buffer

HEADS = (CLIENT_HEAD, SERVER_HEAD)


class Connection(NamedTuple):
    """One connection, decoded.

    Attributes
    ----------
    recognition : Recognition or None
        None where it is no WinMX connection.
    client, server : Batch
        Packets of each direction; offsets count from its first byte, handshake included. `faults`
        say what cannot be read, and why.
    """

    recognition: Recognition | None
    client: Batch
    server: Batch


class Half(NamedTuple):
    """One direction: its bytes up to the first that is missing, and how long it is in all."""

    data: memoryview
    total: int
    missing: int = 0


def decode_connections(pairs: Iterable[tuple[Buffer, Buffer]]) -> list[Connection]:
    """Decode connections of which all bytes are there.

    Parameters
    ----------
    pairs : iterable of (bytes-like, bytes-like)
        What the client sent and what the server sent, each from its first byte on without a gap;
        empty where a direction was not captured.

    Returns
    -------
    list of Connection
        One for each pair.

    Notes
    -----
    The streams of all connections are deciphered eight side by side, which is faster than one
    after the other; `Conversation` does the same work on pieces as they come.
    """
    views = [[memoryview(data).cast("B") for data in pair] for pair in pairs]
    return decode_halves([(Half(up, len(up)), Half(down, len(down))) for up, down in views])


def decode_halves(pairs: Iterable[tuple[Half, Half]]) -> list[Connection]:
    """The same for connections whose directions may lack bytes: each is read up to the first."""
    pairs = list(pairs)
    found = [
        recognise(bytes(up.data[:CLIENT_HEAD]), bytes(down.data[:SERVER_HEAD]))
        for up, down in pairs
    ]
    batches = [[empty(judgement, side) for side in (C2S, S2C)] for judgement in found]
    streams: list[Stream] = []
    chunks: list[memoryview] = []
    places: list[tuple[int, int]] = []
    for number, (judgement, pair) in enumerate(zip(found, pairs)):
        if judgement is None:
            continue
        if judgement.link == "cache" and judgement.certain:
            scan_cache_reply(batches[number][1], pair[1].data)
        elif judgement.keys is not None:
            for side in (0, 1):  # the keys are those to the client, to the server
                streams.append(Stream(judgement.keys[1 - side]))
                chunks.append(pair[side].data[HEADS[side] :])
                places.append((number, side))
    for (number, side), plain in zip(places, cipher.decipher_many(streams, chunks)):
        judgement = found[number]
        assert judgement is not None
        batches[number][side].scan(plain, judgement.link, HEADS[side])
    for judgement, pair, both in zip(found, pairs, batches):
        if judgement is not None:
            say_unread(judgement, pair, both)
    return [Connection(judged, *both) for judged, both in zip(found, batches)]


def say_unread(judgement: Recognition, pair: tuple[Half, Half], batches: list[Batch]) -> None:
    """Add the faults of what no row covers."""
    heads = [bytes(half.data[:SERVER_HEAD]) for half in pair]
    if judgement.link == "transfer":
        pieces = (bytes(pair[0].data[:HELD]), bytes(pair[1].data[:HELD]))
        client, server = (
            Progress(head, half.total, len(half.data), half.missing)
            for head, half in zip(heads, pair)
        )
        for batch, rows in zip(batches, decode_transfer(batches, pieces, (client, server))):
            add_faults(batch, rows)
        return
    keys = keys_of(judgement.link, judgement.certain, judgement.keys is not None, heads[1])
    progress = [
        Progress(head, half.total, len(half.data), half.missing, batch.consumed, batch.need)
        for head, half, batch in zip(heads, pair, batches)
    ]
    for batch, rows in zip(batches, unread(judgement.link, keys, (progress[0], progress[1]))):
        add_faults(batch, rows)


def empty(judgement: Recognition | None, direction: str) -> Batch:
    """A batch without rows."""
    batch = Batch()
    batch.scan(b"", judgement.link if judgement else "", 0)
    batch.direction = direction
    return batch
