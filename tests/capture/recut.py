"""Captures cut anew: the same streams in other packets, orders, links and files."""

import random
import struct
from dataclasses import dataclass, replace
from ipaddress import ip_address

from tests.capture import frames as f

SYN, FIN, RST = 2, 1, 4


@dataclass(frozen=True)
class Packet:
    time: int
    src: str
    dst: str
    protocol: int
    src_port: int
    dst_port: int
    seq: int
    ack: int
    flags: int
    payload: bytes

    @property
    def flow(self):
        return self.src, self.src_port, self.dst, self.dst_port, self.protocol

    @property
    def bare(self):
        """No SYN, FIN or RST: may be cut and moved."""
        return self.protocol == 6 and not self.flags & 7

    @property
    def datagram(self):
        if self.protocol == 17:
            inner = f.udp(self.payload, src_port=self.src_port, dst_port=self.dst_port)
        else:
            inner = f.tcp(
                self.payload, src_port=self.src_port, dst_port=self.dst_port, seq=self.seq,
                ack=self.ack, flags=self.flags,
            )  # fmt: skip
        return f.ip(inner, src=self.src, dst=self.dst, protocol=self.protocol)


# ---- reading, by hand


def records(raw):
    """(link type, time in ns, bytes) of a little-endian pcap (us) or pcapng (us) file."""
    if raw[:4] == b"\xd4\xc3\xb2\xa1":
        link, at = struct.unpack_from("<I", raw, 20)[0], 24
        while at < len(raw):
            sec, us, size, _ = struct.unpack_from("<IIII", raw, at)
            yield link, sec * 10**9 + us * 1000, raw[at + 16 : at + 16 + size]
            at += 16 + size
        return
    at, link = 0, 1
    while at < len(raw):
        kind, size = struct.unpack_from("<II", raw, at)
        if kind == 1:
            link = struct.unpack_from("<H", raw, at + 8)[0]
            resolution = 9 if b"\x09\x00\x01\x00\x09" in raw[at : at + size] else 6
        elif kind == 6:
            _, high, low, taken, _ = struct.unpack_from("<IIIII", raw, at + 8)
            time = (high << 32 | low) * 10 ** (9 - resolution)
            yield link, time, raw[at + 28 : at + 28 + taken]
        at += size


def packet(link, time, frame):
    frame = frame[14:] if link == 1 else frame[16:]
    if frame[0] >> 4 == 4:
        size, protocol = struct.unpack_from(">H", frame, 2)[0], frame[9]
        src, dst = frame[12:16], frame[16:20]
        inner = frame[(frame[0] & 15) * 4 : size]
    else:
        size, protocol = struct.unpack_from(">HB", frame, 4)
        src, dst = frame[8:24], frame[24:40]
        inner = frame[40 : 40 + size]
    ends = str(ip_address(src)), str(ip_address(dst)), protocol
    src_port, dst_port = struct.unpack_from(">HH", inner)
    if protocol == 17:
        return Packet(time, *ends, src_port, dst_port, 0, 0, 0, inner[8:])
    seq, ack, head, flags = struct.unpack_from(">IIBB", inner, 4)
    return Packet(time, *ends, src_port, dst_port, seq, ack, flags, inner[(head >> 4) * 4 :])


def read(path):
    """Packets of one of the project's own captures."""
    return [packet(*record) for record in records(path.read_bytes())]


def ethernet(packets):
    """Frames for `build.pcap`."""
    return [(p.time, f.ethernet(p.datagram)) for p in packets]


# ---- cutting


def retimed(packets, times):
    return [replace(p, time=time) for p, time in zip(packets, times)]


def reordered(packets, seed, window=6):
    """Packets shuffled within windows; times stay where they are."""
    rng = random.Random(seed)
    out = []
    for i in range(0, len(packets), window):
        part = packets[i : i + window]
        rng.shuffle(part)
        out += part
    return retimed(out, [p.time for p in packets])


def duplicated(packets, seed, part=0.4):
    """Some packets come again, soon or later."""
    rng = random.Random(seed)
    keyed = [(i, p) for i, p in enumerate(packets)]
    keyed += [
        (i + rng.choice([0.5, 3.5, 40.5]), p)
        for i, p in enumerate(packets)
        if p.bare and p.payload and rng.random() < part
    ]
    keyed.sort(key=lambda item: item[0])
    last, out = 0, []
    for _, p in keyed:
        last = max(last, p.time)
        out.append(replace(p, time=last))
    return out


def overlapping(packets, seed):
    """Segments that begin with bytes of the one before, sometimes with all of them."""
    rng = random.Random(seed)
    before, out = {}, []
    for p in packets:
        if p.bare and p.payload:
            known = before.get(p.flow)
            if known is not None and (known.seq + len(known.payload)) & 0xFFFFFFFF == p.seq:
                back = rng.randrange(len(known.payload) + 1)
                tail = known.payload[len(known.payload) - back :]
                before[p.flow] = p
                p = replace(p, seq=(p.seq - back) & 0xFFFFFFFF, payload=tail + p.payload)
            else:
                before[p.flow] = p
        out.append(p)
    return out


def split(packets, size):
    """TCP segments of at most `size` bytes."""
    out = []
    for p in packets:
        if not p.bare or len(p.payload) <= size:
            out.append(p)
            continue
        out += [
            replace(p, seq=(p.seq + i) & 0xFFFFFFFF, payload=p.payload[i : i + size])
            for i in range(0, len(p.payload), size)
        ]
    return out


def merged(packets, size=65_000):
    """Segments of a flow that follow each other in one, as offloading makes them."""
    out, open_ = [], {}
    for p in packets:
        held = open_.get(p.flow)
        if (
            held is not None
            and p.bare
            and p.payload
            and (held.seq + len(held.payload)) & 0xFFFFFFFF == p.seq
            and len(held.payload) + len(p.payload) <= size
        ):
            open_[p.flow] = replace(held, payload=held.payload + p.payload, time=p.time, ack=p.ack)
            continue
        if held is not None:
            out.append(open_.pop(p.flow))
        if p.bare and p.payload:
            open_[p.flow] = p
        else:
            # what was said before is settled before anything but data is said
            out += [open_.pop(flow) for flow in list(open_)]
            out.append(p)
    out += open_.values()
    return sorted(out, key=lambda p: p.time)


def shifted(packets, distance):
    """Other initial sequence numbers, so that they wrap."""
    return [
        replace(p, seq=(p.seq + distance) & 0xFFFFFFFF, ack=(p.ack + distance) & 0xFFFFFFFF)
        for p in packets
    ]


def offsets(packets):
    """Stream offset of each packet's payload, None for those without a stream."""
    base, at, out = {}, {}, []
    for p in packets:
        if p.protocol == 17:
            out.append(at.get(p.flow, 0))
            at[p.flow] = out[-1] + len(p.payload)
            continue
        if p.flow not in base:
            base[p.flow] = p.seq + (1 if p.flags & SYN else 0)
        distance = (p.seq - base[p.flow]) & 0xFFFFFFFF
        out.append(distance if distance < 1 << 31 else None)
    return out


# ---- frames


def fragmented(packets, size=400, seed=None):
    """(time, frame) with every datagram in IP fragments."""
    rng = random.Random(seed)
    out = []
    for number, p in enumerate(packets):
        inner = p.datagram[20 if ":" not in p.src else 40 :]
        ends = {"src": p.src, "dst": p.dst, "protocol": p.protocol}
        if ":" in p.src:
            pieces = f.ipv6_fragments(inner, size, identification=number, **ends)
        else:
            pieces = f.ipv4_fragments(inner, size, identification=number & 0xFFFF, **ends)
        if seed is not None:
            rng.shuffle(pieces)
        out += [(p.time, f.ethernet(piece)) for piece in pieces]
    return out


LINKS = {
    "vlan": (1, lambda d: f.vlan(d, 7)),
    "qinq": (1, lambda d: f.vlan(d, 100, 7)),
    "mpls": (1, lambda d: f.ethernet(f.mpls(d, 16, 17), 0x8847)),
    "pppoe": (1, lambda d: f.ethernet(f.pppoe(d), 0x8864)),
    "cooked": (113, lambda d: f.cooked(d)),
    "cooked2": (276, lambda d: f.cooked2(d)),
    "raw": (101, lambda d: d),
    "ppp": (9, lambda d: f.ppp(d)),
    "wifi": (105, lambda d: f.wifi(d)),
}
