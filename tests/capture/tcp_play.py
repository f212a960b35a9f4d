"""TCP connections made by hand, with the truth beside them: what each stream holds, and where.

A play is a list of segments of one pair of addresses and ports, used by one or several connections
in turn. Every connection has its own random bytes, so a byte that comes out says which connection
it belongs to and where.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from tests.capture import frames as f

SYN, FIN, RST, ACK = f.SYN, f.FIN, f.RST, f.ACK
START = 1_700_000_000 * 10**9
CLIENT = {"src": f.CLIENT, "dst": f.SERVER}
SERVER = {"src": f.SERVER, "dst": f.CLIENT}


@dataclass(frozen=True)
class Segment:
    down: bool  # from the server
    seq: int
    ack: int
    flags: int
    payload: bytes = b""
    owner: int = 0  # number of the connection
    offset: int = 0  # of the payload in its stream
    wire: int = -1  # bytes it claims to have had, -1: those that are there
    at: float = 0.0  # place in time; ties keep the order of the list

    @property
    def end(self) -> int:
        return self.offset + len(self.payload)


class Connection:
    """One connection: initial sequence numbers and the bytes of both directions."""

    def __init__(self, rng: random.Random, number: int, isn: tuple[int, int], sizes=(600, 3000)):
        self.rng = rng
        self.number = number
        self.isn = isn
        self.streams = rng.randbytes(sizes[0]), rng.randbytes(sizes[1])
        self.sent = [0, 0]

    def segment(self, down: bool, size: int, flags: int = ACK) -> Segment:
        at = self.sent[down]
        payload = self.streams[down][at : at + size]
        out = Segment(
            down, self.seq(down, at), self.seq(not down, self.sent[not down]), flags, payload,
            self.number, at,
        )  # fmt: skip
        self.sent[down] += len(payload)
        return out

    def seq(self, down: bool, offset: int) -> int:
        return (self.isn[down] + 1 + offset) & 0xFFFFFFFF

    def handshake(self) -> list[Segment]:
        client, server = self.isn
        number = self.number
        return [
            Segment(False, client, 0, SYN, b"", number),
            Segment(True, server, (client + 1) & 0xFFFFFFFF, SYN | ACK, b"", number),
            Segment(False, (client + 1) & 0xFFFFFFFF, (server + 1) & 0xFFFFFFFF, ACK, b"", number),
        ]

    def talk(self) -> list[Segment]:
        """All bytes of both directions, acknowledged."""
        out = []
        while self.sent[0] < len(self.streams[0]) or self.sent[1] < len(self.streams[1]):
            down = self.sent[1] < len(self.streams[1]) and (
                self.sent[0] == len(self.streams[0]) or self.rng.random() < 0.8
            )
            out.append(self.segment(down, self.rng.randrange(1, 300)))
            if self.rng.random() < 0.5:
                out.append(self.segment(not down, 0))
        return out

    def close(self, how: str) -> list[Segment]:
        if how == "fin":
            first = self.rng.random() < 0.5
            out = [self.segment(first, 0, FIN | ACK), self.segment(not first, 0, FIN | ACK)]
            out[1] = replace(out[1], ack=(out[1].ack + 1) & 0xFFFFFFFF)
            last = self.segment(first, 0)
            seq, ack = (last.seq + 1) & 0xFFFFFFFF, (last.ack + 1) & 0xFFFFFFFF
            return [*out, replace(last, seq=seq, ack=ack)]
        if how == "rst":
            return [self.segment(self.rng.random() < 0.5, 0, RST | ACK)]
        return []


def frame(s: Segment, **ip) -> bytes:
    ports = (1755, 1024) if s.down else (1024, 1755)
    inner = f.tcp(
        s.payload, src_port=ports[0], dst_port=ports[1], seq=s.seq, ack=s.ack, flags=s.flags
    )
    ends = SERVER if s.down else CLIENT
    if s.wire > len(s.payload):
        ip["total"] = 20 + len(ip.get("options", b"")) + len(inner) + s.wire - len(s.payload)
    return f.ethernet(f.ipv4(inner, **ends, **ip))


def timed(segments, step: int = 10**6, **ip) -> list[tuple[int, bytes]]:
    """Frames for `build.pcap`."""
    return [(START + i * step, frame(s, **ip)) for i, s in enumerate(segments)]


def expected(segments: list[Segment]) -> list[tuple[bytes, list[tuple[int, int]]]]:
    """(stream with zeros in its gaps, gaps) of the flows, in order of connections and directions.

    A stream begins behind the SYN if that was captured, else with the lowest byte that was; it ends
    at the FIN if that was captured, else with the highest byte.
    """
    out = []
    for owner in sorted({s.owner for s in segments}):
        sides = dict.fromkeys(s.down for s in segments if s.owner == owner)
        for down in sides:
            mine = [s for s in segments if s.owner == owner and s.down == down]
            parts = [s for s in mine if s.payload]
            begun = any(s.flags & SYN for s in mine)
            fins = [s.end for s in mine if s.flags & FIN and not s.flags & RST]
            if not parts and not (begun and fins):
                out.append((b"", []))
                continue
            first = 0 if begun else min(s.offset for s in parts)
            stream = bytearray(max([s.end for s in parts] + fins) - first)
            seen = bytearray(len(stream))
            for s in reversed(parts):
                stream[s.offset - first : s.end - first] = s.payload
                seen[s.offset - first : s.end - first] = b"\1" * len(s.payload)
            out.append((bytes(stream), holes(seen)))
    return out


def holes(seen: bytearray) -> list[tuple[int, int]]:
    """(offset, length) of the runs of zeros."""
    out, at = [], 0
    while (start := seen.find(0, at)) >= 0:
        end = seen.find(1, start)
        at = len(seen) if end < 0 else end
        out.append((start, at - start))
    return out


def found(capture) -> list[tuple[bytes, list[tuple[int, int]]]]:
    """What `expected` says, of a capture."""
    out = []
    for flow in range(len(capture.flows)):
        gaps: list[tuple[int, int]] = []
        mine = capture.gaps[capture.gaps["flow"] == flow]
        for offset, length in zip(mine["offset"].tolist(), mine["length"].tolist()):
            if gaps and sum(gaps[-1]) == offset:
                gaps[-1] = gaps[-1][0], gaps[-1][1] + length
            else:
                gaps.append((offset, length))
        out.append((bytes(capture.stream(flow)), gaps))
    return out
