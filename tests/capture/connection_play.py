"""Captures of connections of every kind, mixed: what `tests.oracle.connections` is compared over.

A play is a list of segments, each with the scope and the family of its frame. Connections on the
same addresses and ports follow each other, and others run beside them.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from tests.capture import frames as f
from tests.capture import tcp_play
from tests.capture.tcp_play import ACK, Connection, Segment
from tests.capture.test_checksums import signed
from tests.oracle.connections import Seen
from tests.oracle.tcp import BAD, GOOD, SILENT

NETWORKS = {
    "4": (f.CLIENT, f.SERVER),
    "6": ("2001:db8::10", "2001:db8::20"),
    "mapped": (f"::ffff:{f.CLIENT}", f"::ffff:{f.SERVER}"),
}


@dataclass(frozen=True)
class Item:
    """A segment on its way: the frame it is in, and what of it was damaged."""

    s: Segment
    at: float
    network: str = "4"
    vlan: int = 0
    checksum: int = SILENT

    @property
    def payload(self) -> bytes:
        if self.checksum != BAD:
            return self.s.payload
        middle = len(self.s.payload) // 2
        byte = bytes([self.s.payload[middle] ^ 0x5A])
        return self.s.payload[:middle] + byte + self.s.payload[middle + 1 :]

    def seen(self) -> Seen:
        """What the oracle sees of it."""
        s, (client, server) = self.s, NETWORKS[self.network]
        # a mapped address is that of IPv4 in a scope of its own
        ends = (client.removeprefix("::ffff:"), 1024), (server.removeprefix("::ffff:"), 1755)
        scope = self.vlan, self.network == "mapped"
        src, dst = ends[::-1] if s.down else ends
        claim = max(s.wire, len(s.payload))
        return Seen(src, dst, scope, s.seq, s.ack, s.flags, self.payload, claim, self.checksum)

    def frame(self, options: bytes) -> bytes:
        """The frame; `options` of TCP."""
        s, (client, server) = self.s, NETWORKS[self.network]
        ports = (1755, 1024) if s.down else (1024, 1755)
        src, dst = (server, client) if s.down else (client, server)
        inner = f.tcp(s.payload, src_port=ports[0], dst_port=ports[1], seq=s.seq, ack=s.ack,
                      flags=s.flags, options=options)  # fmt: skip
        how = {GOOD: "good", BAD: "good", SILENT: "offload"}[self.checksum]
        inner = signed(inner, src, dst, how)
        inner = inner[: len(inner) - len(s.payload)] + self.payload
        more = max(s.wire - len(s.payload), 0)
        datagram = f.ip(inner, src=src, dst=dst) if not more else f.ipv4(
            inner, src=src, dst=dst, total=20 + len(inner) + more
        )  # fmt: skip
        return f.vlan(datagram, self.vlan) if self.vlan else f.ethernet(datagram)


def losses(rng, segments, calm):
    """Some segments are lost, come again, late, cut anew."""
    for i, s in enumerate(segments):
        if s.payload and i > calm and rng.random() < 0.04:
            continue
        at = i + rng.choice([0, 0, 0, 0, 1.5, 2.5]) * (i > calm)
        yield s, at
        if s.payload and i > calm and rng.random() < 0.15:
            first = rng.randrange(len(s.payload))
            part = s.payload[first : first + rng.randrange(1, 400)]
            again = replace(s, seq=(s.seq + first) % 2**32, payload=part, offset=s.offset + first)
            yield again, at + rng.choice([0.25, 3.5])


def damage(rng, segments):
    """Some segments are damaged and sent again, at once or later, in order or not."""
    for i, (s, at) in enumerate(segments):
        hurt = len(s.payload) > 1 and rng.random() < 0.15
        yield s, at, BAD if hurt and i > 20 else GOOD
        if hurt and i > 20:
            yield s, at + rng.choice([0.1, 0.5, 2.25]), GOOD


def lies(rng, segments):
    """Lengths beyond the frame, and copies without their payload."""
    for s, at in segments:
        if s.payload and rng.random() < 0.15:
            yield replace(s, wire=len(s.payload) + rng.choice([1, 40, 4108])), at
        elif s.payload and rng.random() < 0.1:
            have = rng.randrange(len(s.payload))
            yield replace(s, payload=s.payload[:have], wire=len(s.payload)), at - 0.25
            yield s, at
        else:
            yield s, at


def renumbered(rng, segments):
    """Each a second time with other sequence numbers, as behind a firewall."""
    shift = [rng.randrange(1 << 28, 15 << 28) for _ in range(2)]
    for i, (s, at) in enumerate(segments):
        yield s, at
        if i >= 3:
            seq, ack = (s.seq + shift[s.down]) % 2**32, (s.ack + shift[not s.down]) % 2**32
            yield replace(s, seq=seq, ack=ack), at + rng.choice([0.5, 1.5, 3.5])


def jumps(rng, c):
    """The server's stream leaves out more than any window holds."""
    out, at = c.handshake(), 0
    for part in range(3):
        if part:
            at += rng.randrange(65 << 20, 400 << 20)
        for _ in range(3):
            payload = rng.randbytes(rng.randrange(20, 200))
            out.append(Segment(True, c.seq(True, at), c.seq(False, 0), ACK, payload))
            at += len(payload)
            if rng.random() < 0.5:
                out.append(Segment(False, c.seq(False, 0), c.seq(True, at), ACK))
    return out


KINDS = ("losses", "damage", "lies", "renumbered", "jumps", "plain", "late syn")


def one(rng, number, isn, kind):
    """(segment, place, checksum) of a connection, and how it was closed."""
    c = Connection(rng, number, isn, sizes=(300, 4000))
    if kind == "jumps":
        return [(s, float(i), SILENT) for i, s in enumerate(jumps(rng, c))], "none"
    begun = kind in ("renumbered", "late syn") or rng.random() < 0.7
    hand = c.handshake()
    talk = c.talk()
    how = rng.choice(["fin", "fin", "rst", "none"]) if kind != "renumbered" else "fin"
    closing = c.close(how)
    segments = [*(hand if begun else []), *talk]
    if kind == "late syn":
        for _ in range(2):
            segments.insert(rng.randrange(len(segments) // 2, len(segments)), rng.choice(hand[:2]))
        closing += [rng.choice(hand) for _ in range(2)] if closing else []
    places = [(s, float(i)) for i, s in enumerate(segments)]
    if kind == "losses":
        places = list(losses(rng, segments, 3 if begun else 24))
    elif kind == "lies":
        places = list(lies(rng, places))
    elif kind == "renumbered":
        places = list(renumbered(rng, places))
    hurt = kind == "damage"
    items = damage(rng, places) if hurt else ((s, at, SILENT) for s, at in places)
    last = len(segments) + 10.0
    return [*items, *((s, last + i, SILENT) for i, s in enumerate(closing))], how


def play(seed):
    """The items of a capture, in order."""
    rng = random.Random(seed)
    out: list[Item] = []
    for which, network in enumerate(rng.sample(list(NETWORKS), rng.choice([1, 2, 3]))):
        start = rng.random() * 50
        # each with its own: nothing says which of two equal SYNs is answered in a third scope
        isn = tuple(rng.choice([rng.randrange(2**32), 2**32 - 700, 0]) for _ in range(2))
        isn = tuple((n + which) % 2**32 for n in isn)
        for number in range(rng.choice([1, 2, 3])):
            kinds = KINDS if network == "4" else ("losses", "damage", "renumbered", "plain")
            kind = rng.choice(kinds)
            items, how = one(rng, number, isn, kind)
            tags = rng.choice([(0, 0), (0, 0), (5, 5), (0, 7), (8, 9)])
            # directions in different scopes are one connection by their handshake
            if tags[0] != tags[1] and not any(s.flags & 2 for s, _, _ in items):
                tags = (0, 0)
            out += [Item(s, start + at, network, tags[s.down], how) for s, at, how in items]
            start += max(at for _, at, _ in items) + 20
            step = (1 << 30) + rng.randrange(1 << 28)
            isn = tuple((n + step) % 2**32 for n in isn)
            if how == "none" or kind == "jumps":
                break
    return sorted(out, key=lambda item: item.at)


def capture(items, options=b""):
    """(time, frame) of each, for `build.pcap`."""
    return [(tcp_play.START + i * 10**6, item.frame(options)) for i, item in enumerate(items)]
