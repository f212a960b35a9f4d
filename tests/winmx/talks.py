"""Connections of the WinMX network made by hand, whole or damaged, as segments and as captures."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import numpy as np

from mmscodec import winmx
from mmscodec.winmx import cipher
from mmscodec.winmx.cipher import Role, Stream
from tests.capture import build, recut

SYN, FIN, ACK = 2, 1, 16
CLIENT, SERVER = 0, 1
HEADS = (16, 17)
LINKS = {
    "primary": (Role.PRIMARY_CLIENT, Role.PRIMARY_SERVER),
    "secondary": (Role.SECONDARY_CLIENT, Role.SECONDARY_SERVER),
    "chat": (Role.CHAT_CLIENT, Role.CHAT_SERVER),
}
ENDS = (("10.0.0.1", 40000), ("10.0.0.2", 6699))
START = 1_700_000_000_000_000_000


@dataclass
class Segment:
    side: int
    offset: int  # in its stream
    data: bytes


@dataclass
class Talk:
    """Segments of both sides in order, and what the enciphered streams say."""

    link: str
    streams: list[bytes]
    segments: list[Segment]
    frames: list[list[tuple[int, int]]] = field(default_factory=lambda: [[], []])


def frames_of(link, rng, count):
    """Plain frames without faults, of a side."""
    out = []
    for _ in range(count):
        if link == "primary":
            rest = rng.randbytes(rng.randrange(30))
            out.append(winmx.encode("RoomListQuery", origin_ip=1, origin_udp_port=2,
                                    payload_rest=rest))  # fmt: skip
        elif rng.random() < 0.5:
            nodes = np.frombuffer(rng.randbytes(96), winmx.RECORD_DTYPE)
            out.append(winmx.encode(nodes))
        else:
            out.append(winmx.encode("QueueStatus", status_text=rng.randbytes(rng.randrange(90))))
    return out


def cut(rng, side, data, most):
    """A stream in segments."""
    at, out = 0, []
    while at < len(data):
        size = rng.randint(1, most)
        out.append(Segment(side, at, data[at : at + size]))
        at += size
    return out


def talk(seed, link="secondary", patched=False, client_block=None, server_block=None, most=60):
    """A connection: greeting, key blocks, then frames of both sides in turn."""
    rng = random.Random(seed)
    roles = LINKS[link]
    blocks = [cipher.key_block(role, rng.randbytes(16)) for role in roles]
    keys = cipher.stream_keys(blocks[SERVER])
    sent = cipher.mask(blocks[SERVER]) if patched else blocks[SERVER]
    heads = [client_block or blocks[CLIENT], b"1" + (server_block or sent)]
    made = Talk(link, [], [])
    bodies = []
    for side in (CLIENT, SERVER):
        frames = frames_of(link, rng, rng.randrange(3, 12))
        at = HEADS[side]
        for frame in frames:
            made.frames[side].append((at, len(frame)))
            at += len(frame)
        bodies.append(Stream(keys[1 - side]).encipher(b"".join(frames)))
        made.streams.append(heads[side] + bodies[side])
    first = [Segment(SERVER, 0, heads[SERVER][:1]), Segment(CLIENT, 0, heads[CLIENT]),
             Segment(SERVER, 1, heads[SERVER][1:])]  # fmt: skip
    rest = [
        [Segment(side, s.offset + HEADS[side], s.data) for s in cut(rng, side, bodies[side], most)]
        for side in (CLIENT, SERVER)
    ]
    made.segments = first + mixed(rng, rest)
    return made


def mixed(rng, several):
    """Lists merged at random, each in its order."""
    out = []
    left = [list(items) for items in several]
    while any(left):
        out.append(rng.choice([items for items in left if items]).pop(0))
    return out


def cache(seed, length=149, client=b"", most=60):
    """A peer cache that sends the first `length` bytes of its reply, or more."""
    rng = random.Random(seed)
    nodes = np.frombuffer(rng.randbytes(120), winmx.RECORD_DTYPE)
    reply = winmx.encode_cache_reply(nodes, key_block=cipher.key_block(Role.CACHE, bytes(16)))
    data = (reply + rng.randbytes(max(0, length - len(reply))))[:length]
    made = Talk("cache", [client, data], [])
    made.segments = mixed(rng, [cut(rng, CLIENT, client, most), cut(rng, SERVER, data, most)])
    return made


def capture(made, segments=None, syn=True, fin=True, sides=(CLIENT, SERVER), ports=None):
    """A pcap file of segments; those of the talk that are not given are lost."""
    packets, time = [], START
    ends = ports or ENDS

    def send(side, seq, flags, payload=b""):
        nonlocal time
        time += 1_000_000
        (src, src_port), (dst, dst_port) = ends[side], ends[1 - side]
        if side in sides:
            packets.append(recut.Packet(time, src, dst, 6, src_port, dst_port, seq, 1, flags,
                                        payload))  # fmt: skip

    if syn:
        send(CLIENT, 1000, SYN)
        send(SERVER, 2000, SYN | ACK)
    for segment in made.segments if segments is None else segments:
        send(segment.side, 1001 + 1000 * segment.side + segment.offset, ACK, segment.data)
    if fin:
        for side in (CLIENT, SERVER):
            send(side, 1001 + 1000 * side + len(made.streams[side]), FIN | ACK)
    return build.pcap(recut.ethernet(packets), magic=build.NANO)


def conversation(made, segments=None, sides=(CLIENT, SERVER)):
    """The same told to a Conversation: (side, offset, length, type) and faults of each side."""
    given = made.segments if segments is None else segments
    kept = {id(s) for s in given if s.side in sides}
    heard = winmx.Conversation()
    batches = []
    ends = [0, 0]
    for segment in made.segments:
        if segment.side not in sides:
            continue
        if id(segment) not in kept:
            continue
        if segment.offset > ends[segment.side]:
            batches.append(
                heard.gap(("C>S", "S>C")[segment.side], segment.offset - ends[segment.side])
            )
        batches.append(heard.feed(("C>S", "S>C")[segment.side], segment.data))
        ends[segment.side] = segment.offset + len(segment.data)
    missing = {side: len(made.streams[side]) - ends[side] for side in sides}
    batches += [
        heard.gap(("C>S", "S>C")[side], length) for side, length in missing.items() if length
    ]
    batches += heard.close()
    return rows_of(batches)


def rows_of(batches):
    """Packets and faults of both sides of batches, sorted."""
    packets, faults = [[], []], [[], []]
    for batch in batches:
        side = ("C>S", "S>C").index(batch.direction)
        packets[side] += [tuple(row)[:3] for row in batch.packets.tolist()]
        for row in batch.faults.tolist():
            faults[side].append(tuple(row[:4]) + tuple(row[5:]))
    return [sorted(rows) for rows in packets], [sorted(rows) for rows in faults]


def together(captures, shuffled=False):
    """Captures of `capture` as one, each with a client's address of its own."""
    records, old = [], bytes(map(int, ENDS[0][0].split(".")))
    for number, data in enumerate(captures):
        at, data = 24, bytearray(data)
        while at < len(data):
            end = at + 16 + int.from_bytes(data[at + 8 : at + 12], "little")
            for place in (at + 16 + 26, at + 16 + 30):
                if data[place : place + 4] == old:
                    data[place : place + 4] = (0x0A010000 + number).to_bytes(4, "big")
            records.append(bytes(data[at:end]))
            at = end
    if shuffled:  # by time, so that connections lie among each other
        records.sort(key=lambda record: [int.from_bytes(record[i : i + 4], "little")
                                         for i in (0, 4)])  # fmt: skip
    return bytes(captures[0][:24]) + b"".join(records)
