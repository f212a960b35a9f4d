"""Streams for the framing tests, and ways to compare what came of them."""

import random
import struct

import numpy as np

from mmscodec import mms

GUID = bytes.fromhex("3026B2758E66CF11A6D900AA0062CE6C")
PING = mms.encode("LinkMacToViewerPing")


def data(location: int, incarnation: int, flags: int, payload: bytes) -> bytes:
    return struct.pack("<IBBH", location, incarnation, flags & 255, len(payload) + 8) + payload


def server_stream(
    rng: random.Random, count: int = 40, *, varying=False, pings=True, fake=False
) -> list[bytes]:
    """What a server sends: answers, a header in two fragments, media. One entry a packet.

    `fake` puts whole TcpMessageHeader packets into some payloads.
    """
    units = [
        mms.encode("LinkMacToViewerReportConnectedEX"),
        data(0, 2, 0x04, GUID + rng.randbytes(1200)),
        data(1, 2, 0x0C, rng.randbytes(500)),
        mms.encode("LinkMacToViewerReportStartedPlaying", play_incarnation=9),
    ]
    location = 0
    for i in range(count):
        if pings and i % 13 == 5:
            units.append(PING)
        payload = rng.randbytes(rng.randrange(100, 1500) if varying else 1448)
        if fake and i % 7 == 3 and len(payload) > 120:
            payload = payload[:50] + PING + payload[50 + len(PING) :]
        units.append(data(location, 9, i, payload))
        location += 1 if rng.random() < 0.9 else 3
    return units


def offsets(units: list[bytes]) -> list[int]:
    """Where each entry begins, and where the last one ends."""
    return np.cumsum([0, *map(len, units)]).tolist()


def spans(batch) -> set[tuple[int, int, str]]:
    """(offset, length, table) of every packet and Data packet."""
    return {
        (int(row["offset"]), int(row["length"]), name)
        for name in ("packets", "data")
        for row in getattr(batch, name)
    }


def fed(stream: bytes, cuts, **options) -> list:
    """The batches of a decoder that gets the stream cut at these offsets."""
    decoder = mms.Decoder(**options)
    ends = [*sorted(set(cuts)), len(stream)]
    starts = [0, *ends]
    batches = [decoder.feed(stream[a:b]) for a, b in zip(starts, ends, strict=False)]
    return [*batches, decoder.close()]


def joined(batches) -> dict[str, list]:
    """Rows of several batches of one stream as lists, row numbers counted through."""
    out: dict[str, list] = {"packets": [], "messages": [], "data": [], "faults": []}
    for batch in batches:
        packets, messages = batch.packets.copy(), batch.messages.copy()
        packets["first_message"] += len(out["messages"])
        messages["packet"][messages["packet"] >= 0] += len(out["packets"])
        out["packets"] += packets.tolist()
        out["messages"] += messages.tolist()
        out["data"] += batch.data.tolist()
        out["faults"] += batch.faults.tolist()
    return out
