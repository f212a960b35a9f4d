"""Frames made by hand: links, tags, tunnels, IP headers and fragments around a payload.

Every builder takes the bytes that go inside and returns the bytes outside; nothing here is shared
with the code under test.
"""

from __future__ import annotations

import struct
import zlib
from ipaddress import ip_address

CLIENT = "192.0.2.10"
SERVER = "198.51.100.20"
CLIENT6 = "2001:db8::10"
SERVER6 = "2001:db8:1::20"

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
TCP, UDP = 6, 17


def be16(value: int) -> bytes:
    return struct.pack(">H", value)


def be32(value: int) -> bytes:
    return struct.pack(">I", value)


def mapped(address: str) -> bytes:
    """The 16 bytes by which a segment names an address."""
    packed = ip_address(address).packed
    return packed if len(packed) == 16 else bytes(10) + b"\xff\xff" + packed


# ---- transports


def tcp(
    payload: bytes = b"",
    *,
    src_port: int = 1024,
    dst_port: int = 1755,
    seq: int = 1000,
    ack: int = 2000,
    flags: int = ACK | PSH,
    window: int = 8760,
    options: bytes = b"",
) -> bytes:
    options += bytes(-len(options) % 4)
    offset = 5 + len(options) // 4
    head = struct.pack(
        ">HHIIBBHHH", src_port, dst_port, seq, ack, offset << 4, flags, window, 0xBAD0, 0
    )
    return head + options + payload


def udp(
    payload: bytes = b"",
    *,
    src_port: int = 1024,
    dst_port: int = 1755,
    length: int | None = None,
) -> bytes:
    length = len(payload) + 8 if length is None else length
    return struct.pack(">HHHH", src_port, dst_port, length, 0xBAD0) + payload


# ---- IP


def ipv4(
    inner: bytes,
    *,
    protocol: int = TCP,
    src: str = CLIENT,
    dst: str = SERVER,
    options: bytes = b"",
    identification: int = 1,
    offset: int = 0,
    more: bool = False,
    total: int | None = None,
) -> bytes:
    """`offset` in bytes."""
    assert offset % 8 == 0
    options += bytes(-len(options) % 4)
    words = 5 + len(options) // 4
    total = words * 4 + len(inner) if total is None else total
    head = struct.pack(
        ">BBHHHBBH4s4s",
        0x40 | words,
        0,
        total,
        identification,
        offset >> 3 | (0x2000 if more else 0),
        64,
        protocol,
        0xBAD0,
        ip_address(src).packed,
        ip_address(dst).packed,
    )
    return head + options + inner


def ipv6(
    inner: bytes,
    *,
    protocol: int = TCP,
    src: str = CLIENT6,
    dst: str = SERVER6,
    length: int | None = None,
) -> bytes:
    """`protocol` is the next header; extension headers are part of `inner`."""
    length = len(inner) if length is None else length
    head = struct.pack(">IHBB", 0x60000000, length, protocol, 64)
    return head + ip_address(src).packed + ip_address(dst).packed + inner


def ipcomp(inner: bytes, *, following: int, index: int = 2, level: int = 9) -> bytes:
    squeeze = zlib.compressobj(level, zlib.DEFLATED, -15)
    return struct.pack(">BBH", following, 0, index) + squeeze.compress(inner) + squeeze.flush()


def extension(inner: bytes, *, following: int, words: int = 0, body: bytes | None = None) -> bytes:
    """Hop-by-hop, routing, destination options: 8 bytes and `words` times 8 more."""
    body = b"\x01\x04" + bytes(4) + bytes(8 * words) if body is None else body
    return bytes([following, (len(body) + 2) // 8 - 1]) + body + inner


def authentication(inner: bytes, *, following: int) -> bytes:
    return bytes([following, 4, 0, 0]) + bytes(20) + inner


def fragment_header(
    inner: bytes, *, following: int, offset: int = 0, more: bool = False, identification: int = 1
) -> bytes:
    return struct.pack(">BBHI", following, 0, offset | (1 if more else 0), identification) + inner


def cut(inner: bytes, size: int) -> list[tuple[int, bytes, bool]]:
    """`inner` in pieces of `size` bytes: offset, bytes, whether more follow."""
    assert size % 8 == 0
    return [
        (at, inner[at : at + size], at + size < len(inner)) for at in range(0, len(inner), size)
    ]


def ipv4_fragments(inner: bytes, size: int, **fields) -> list[bytes]:
    return [ipv4(piece, offset=at, more=more, **fields) for at, piece, more in cut(inner, size)]


def ipv6_fragments(
    inner: bytes, size: int, *, protocol: int = TCP, identification: int = 1, **fields
) -> list[bytes]:
    return [
        ipv6(
            fragment_header(
                piece, following=protocol, offset=at, more=more, identification=identification
            ),
            protocol=44,
            **fields,
        )
        for at, piece, more in cut(inner, size)
    ]


def ip(inner: bytes, **fields) -> bytes:
    """IPv4 or IPv6 by the addresses."""
    return ipv6(inner, **fields) if ":" in fields.get("src", CLIENT) else ipv4(inner, **fields)


# ---- links


def ethertype_of(datagram: bytes) -> int:
    return 0x86DD if datagram[0] >> 4 == 6 else 0x0800


def ethernet(inner: bytes, kind: int | None = None, *, pad: int = 0) -> bytes:
    kind = ethertype_of(inner) if kind is None else kind
    return bytes.fromhex("0200000000010200000000 02") + be16(kind) + inner + bytes(pad)


def tagged(inner: bytes, vlan: int, kind: int | None = None) -> bytes:
    """The 4 bytes behind the tag's own type: put it into `ethernet(..., 0x8100)`."""
    return be16(vlan) + be16(ethertype_of(inner) if kind is None else kind) + inner


def vlan(inner: bytes, *ids: int, tpid: int = 0x8100) -> bytes:
    """An Ethernet frame with the tags `ids`, outermost first."""
    kind = None
    for number in reversed(ids):
        inner = tagged(inner, number, kind)
        kind = tpid
    return ethernet(inner, kind)


def mpls(inner: bytes, *labels: int) -> bytes:
    stack = [label << 12 | 0x40 for label in labels]
    stack[-1] |= 0x100
    return b"".join(be32(entry) for entry in stack) + inner


def ppp(inner: bytes) -> bytes:
    return be16(0x0057 if inner[0] >> 4 == 6 else 0x0021) + inner


def pppoe(inner: bytes, session: int = 7) -> bytes:
    body = ppp(inner)
    return b"\x11\x00" + be16(session) + be16(len(body)) + body


def cooked(inner: bytes, kind: int | None = None) -> bytes:
    kind = ethertype_of(inner) if kind is None else kind
    return struct.pack(">HHH8sH", 4, 1, 6, b"\x02\0\0\0\0\x01\0\0", kind) + inner


def cooked2(inner: bytes, kind: int | None = None) -> bytes:
    kind = ethertype_of(inner) if kind is None else kind
    return struct.pack(">HHIHBB8s", kind, 0, 3, 1, 4, 6, b"\x02\0\0\0\0\x01\0\0") + inner


def snap(inner: bytes, kind: int | None = None) -> bytes:
    return (
        bytes.fromhex("aaaa03000000") + be16(ethertype_of(inner) if kind is None else kind) + inner
    )


def wifi(inner: bytes, *, qos: bool = True, ht: bool = False, four: bool = False) -> bytes:
    flags = (3 if four else 1) | (0x80 if ht else 0)
    head = bytes([0x88 if qos else 0x08, flags, 0, 0]) + bytes(20)
    return head + bytes(6 * four + 2 * qos + 4 * ht) + snap(inner)


def aggregate(*inner: bytes, ht: bool = False, pad: bool = False) -> bytes:
    """An 802.11 frame with several packets, all but the last padded; None of it encrypted."""
    head = bytes([0x88, 0x81 if ht else 0x01, 0, 0]) + bytes(20) + b"\x80\0" + bytes(4 * ht)
    head += bytes(2 * pad)
    parts = [bytes.fromhex("020000000001020000000002") + be16(len(p)) + p for p in map(snap, inner)]
    padded = [part + bytes(-len(part) % 4) for part in parts[:-1]]
    return head + b"".join([*padded, parts[-1]])


def attribute(kind: int, value: bytes) -> bytes:
    """Of NFLOG, padded."""
    return struct.pack("<HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def juniper(inner: bytes, *, flags: int = 0x80) -> bytes:
    extensions = bytes.fromhex("0010 030101 06010e 0102018c 040400000001") if flags & 0x80 else b""
    return b"MGC" + bytes([flags]) + extensions + inner


def radiotap(inner: bytes) -> bytes:
    return bytes.fromhex("0000 0c00 04800000 0200 1800") + inner


# ---- tunnels


def gre(
    inner: bytes,
    kind: int | None = None,
    *,
    key: int | None = None,
    sequence: int | None = None,
    checksum: bool = False,
    routing: bytes | None = None,
) -> bytes:
    flags = 0
    fields = b""
    if checksum or routing is not None:
        flags |= (0x8000 if checksum else 0) | (0x4000 if routing is not None else 0)
        fields += bytes(4)
    if key is not None:
        flags |= 0x2000
        fields += be32(key)
    if sequence is not None:
        flags |= 0x1000
        fields += be32(sequence)
    kind = ethertype_of(inner) if kind is None else kind
    return be16(flags) + be16(kind) + fields + (routing or b"") + inner


def pptp(inner: bytes, call: int = 5, *, acknowledge: bool = True) -> bytes:
    body = b"\xff\x03" + ppp(inner)
    flags = 0x3001 | (0x80 if acknowledge else 0)
    head = be16(flags) + be16(0x880B) + be16(len(body)) + be16(call) + be32(9)
    return head + (be32(8) if acknowledge else b"") + body


def vxlan(frame: bytes, vni: int = 77, *, reserved: int = 0) -> bytes:
    """`reserved` as a 64-bit number with bits where no field is."""
    return (0x08 << 56 | vni << 8 | reserved).to_bytes(8, "big") + frame


def vxlan_gpe(inner: bytes, following: int, vni: int = 77) -> bytes:
    return bytes([0x0C if following else 0x08, 0, 0, following]) + be32(vni << 8) + inner


def nsh(inner: bytes, following: int, *, metadata: bytes = bytes(16)) -> bytes:
    words = 2 + len(metadata) // 4
    kind = 1 if len(metadata) == 16 else 2
    return bytes([0x0F, 0xC0 | words, kind, following]) + be32(0x1234FF) + metadata + inner


def lisp(inner: bytes, *, instance: int | None = None) -> bytes:
    if instance is None:
        return b"\xc0\x12\x34\x56" + be32(1) + inner
    return b"\x48\0\0\0" + be32(instance << 8) + inner


def ayiya(inner: bytes, *, identity: int = 4, signature: int = 5) -> bytes:
    following = 41 if inner[0] >> 4 == 6 else 4
    head = bytes([identity << 4 | 1, signature << 4 | 2, 0x11, following]) + be32(0x4AF64BFD)
    return head + bytes(1 << identity) + bytes(4 * signature) + inner


def geneve(inner: bytes, kind: int = 0x6558, *, vni: int = 88, options: bytes = b"") -> bytes:
    return bytes([len(options) // 4, 0]) + be16(kind) + be32(vni << 8) + options + inner


def gtp(inner: bytes, teid: int = 99, *, extended: bool = False) -> bytes:
    optional = be16(1) + b"\0\x85" + b"\x01\0\0\0" if extended else b""
    flags = 0x34 if extended else 0x30
    return bytes([flags, 0xFF]) + be16(len(optional + inner)) + be32(teid) + optional + inner


def teredo(inner: bytes, *, authentication: bool = False, origin: bool = False) -> bytes:
    head = b"\0\x01\0\0" + bytes(9) if authentication else b""
    head += b"\0\0" + bytes(6) if origin else b""
    return head + inner


def erspan2(frame: bytes, sequence: int = 3) -> bytes:
    return gre(be32(0x10010002) + bytes(4) + frame, 0x88BE, sequence=sequence)


def erspan3(frame: bytes, *, platform: bool = False) -> bytes:
    head = be32(0x20010002) + bytes(6) + bytes([0, 1 if platform else 0])
    return gre(head + bytes(8 * platform) + frame, 0x22EB, sequence=3)
