"""Many whole connections at once: recognised, deciphered side by side, decoded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from mmscodec.winmx import cipher
from mmscodec.winmx.batch import Batch
from mmscodec.winmx.cipher import Stream
from mmscodec.winmx.decode import decode
from mmscodec.winmx.recognition import CLIENT_HEAD, SERVER_HEAD, Recognition, recognise

if TYPE_CHECKING:
    from typing_extensions import Buffer


class Connection(NamedTuple):
    """One connection, decoded.

    Attributes
    ----------
    recognition : Recognition or None
        None where it is no WinMX connection.
    client, server : Batch
        Packets of each direction; offsets count from its first byte, handshake included. Empty
        where the bytes cannot be read.
    """

    recognition: Recognition | None
    client: Batch
    server: Batch


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
    found: list[Recognition | None] = []
    batches: list[list[Batch]] = []
    streams: list[Stream] = []
    chunks: list[memoryview] = []
    places: list[tuple[int, int]] = []
    for client, server in pairs:
        up, down = memoryview(client).cast("B"), memoryview(server).cast("B")
        judgement = recognise(bytes(up[:CLIENT_HEAD]), bytes(down[:SERVER_HEAD]))
        number = len(found)
        found.append(judgement)
        batches.append([empty(judgement, "client"), empty(judgement, "server")])
        if judgement is None or not judgement.certain:
            continue
        if judgement.link == "cache":
            batches[number][1] = decode(down, link="cache")
            batches[number][1].direction = "server"
        elif judgement.keys is not None:
            to_client, to_server = judgement.keys
            for side, key, data, head in (
                (0, to_server, up, CLIENT_HEAD),
                (1, to_client, down, SERVER_HEAD),
            ):
                streams.append(Stream(key))
                chunks.append(data[head:])
                places.append((number, side))
    for (number, side), plain in zip(places, cipher.decipher_many(streams, chunks)):
        judgement = found[number]
        assert judgement is not None
        batches[number][side].scan(plain, judgement.link, (CLIENT_HEAD, SERVER_HEAD)[side])
    return [Connection(judged, *both) for judged, both in zip(found, batches)]


def empty(judgement: Recognition | None, direction: str) -> Batch:
    """A batch without rows."""
    batch = Batch()
    batch.scan(b"", judgement.link if judgement else "", 0)
    batch.direction = direction
    return batch
