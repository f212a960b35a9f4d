"""A captured MMS session that holds every message with every field, cut anywhere."""

from __future__ import annotations

import random
from typing import Any

from mmscodec import mms, winmx
from mmscodec.schema import mms as schema
from mmscodec.schema.fields import KIND_SIZES, Field
from mmscodec.schema.winmx import PACKETS, Packet
from mmscodec.winmx import cipher
from mmscodec.winmx.cipher import Stream
from tests.winmx import talks
from tests.winmx.talks import CLIENT, HEADS, LINKS, SERVER, Segment, Talk

LETTERS = "abc XYZ0189;:/\\{}\u00e9\u65e5\u672c\U0001f3b5"
COMPUTED = ("chunk_len", "mid", "cb_size", "packet_size", "signature", "c_stream_entries")
MMS_ENDS = (("10.0.0.1", 40000), ("10.0.0.2", 1755))


def text(rng: random.Random, most: int, letters: str = LETTERS) -> str:
    return "".join(rng.choices(letters, k=rng.randint(1, most)))


def value(rng: random.Random, field: Field) -> Any:
    """A value that a field can hold, as the encoder takes it."""
    if field.kind == "f64":
        return rng.choice([0.0, -1e-7, 10.046000000000001, rng.uniform(-1e9, 1e9)])
    if field.kind == "ansi":
        return text(rng, min(field.size or 20, 20) - 1, "abc XYZ-019./")
    if field.kind == "bytes":
        return rng.randbytes(rng.randint(1, 40) if field.size is None else field.size)
    if field.kind == "utf16":
        return text(rng, 30)
    if field.kind == "struct":
        return fields_of(rng, field.struct)
    if field.kind == "array":
        count = rng.randint(1, 5)
        if field.struct is None:
            return [rng.getrandbits(32) for _ in range(count)]
        return [tuple(value(rng, part) for part in field.struct.fields) for _ in range(count)]
    known = [number for number in field.values if number < 1 << 8 * KIND_SIZES[field.kind]]
    if known and rng.random() < 0.5:
        return rng.choice(known)
    bits = 8 * KIND_SIZES[field.kind] - (field.kind == "i16")
    return rng.getrandbits(bits)


def fields_of(rng: random.Random, struct: Any) -> dict[str, Any]:
    computed = {*COMPUTED}
    for field in struct.variable:
        computed.update(struct[name].python_name for name in (field.count, field.start) if name)
    return {
        field.python_name: value(rng, field)
        for field in struct.fields
        if field.python_name not in computed
        and not (field.optional and rng.random() < 0.3)
        and not field.needs_chunk_len
    } | (
        {field.python_name: value(rng, field) for field in struct.fields if field.needs_chunk_len}
        if rng.random() < 0.7
        else {}
    )


def message(rng: random.Random, kind: Any) -> tuple[str, dict[str, Any]]:
    fields = fields_of(rng, kind)
    if kind.name == "LinkViewerToMacConnect":
        fields["subscriber_name"] = (
            "NSPlayer/9.0.0.2980; {3300AD50-2C39-46c0-AE0A-AC7B8159E203}; Host: a\0HOST: b\0VIA: c"
        )
    return kind.name, fields


def mms_talk(seed: int, most: int) -> Talk:
    """Every message once or more; several in a packet, Data packets between them."""
    rng = random.Random(seed)
    streams = []
    for side, kinds in ((CLIENT, "C>S"), (SERVER, "S>C")):
        mine = [kind for kind in schema.MESSAGES if kind.direction == kinds]
        mine.sort(key=lambda kind: kind.name != "LinkViewerToMacConnect")
        rest = mine[1:] * 2
        rng.shuffle(rest)
        wanted, data, out, seq = mine[:1] + rest, 0, [], 0
        while wanted:
            some = [message(rng, wanted.pop(0)) for _ in range(min(len(wanted), rng.randint(1, 3)))]
            out.append(mms.encode(some, seq=seq))
            seq += 1
            for _ in range(rng.randint(0, 4) if side == SERVER else 0):
                payload = b"\x82\0\0\x09" + bytes(rng.randint(5, 3000))
                out.append(mms.encode(
                    "Data", location_id=data, play_incarnation=4, af_flags=data % 256,
                    payload=payload,
                ))  # fmt: skip
                data += 1
        streams.append(b"".join(out))
    made = Talk("mms", streams, [])
    # the client's first packet, whole, and then everything anywhere
    opening = mms.encode([("LinkViewerToMacFunnelInfo", {"play_incarnation": 0xF0F0F0EF})])
    streams[CLIENT] = opening + streams[CLIENT]
    parts = []
    for side in (CLIENT, SERVER):
        start = len(opening) if side == CLIENT else 0
        pieces = talks.cut(rng, side, streams[side][start:], most)
        parts.append([Segment(side, piece.offset + start, piece.data) for piece in pieces])
    made.segments = [Segment(CLIENT, 0, opening), *talks.mixed(rng, parts)]
    return made


def packet_fields(rng: random.Random, item: Packet) -> dict[str, Any]:
    """Keyword fields of a WinMX packet, all optional ones or none."""
    metadata, full, out = rng.choice([0, 11, 3]), rng.random() < 0.7, {}
    for part in item.fields:
        when = getattr(part, "when", "")
        if part.name in ("payload_length", "payload_type", "type"):
            continue  # they say what the packet is
        if part.name == "metadata_length":
            out[part.name] = metadata
        elif part.name == "metadata_unknown":
            if metadata == 3:
                out[part.name] = rng.randbytes(3)
        elif when == "metadata_length":
            if metadata == 11:
                out[part.name] = winmx_value(rng, part)
        elif (not part.optional or full) and (not when.startswith("has_") or when[4:] in out):
            out[part.name] = winmx_value(rng, part)
    return out


def winmx_value(rng: random.Random, part: Any) -> Any:
    if part.kind in ("cstr", "ansi"):
        return text(rng, 20, "abc XYZ019;\u00e9\u00df")
    if part.kind == "bytes":
        return rng.randbytes(rng.randint(1, 20) if part.size is None else part.size)
    if part.kind == "array":
        return [
            {inner.name: winmx_value(rng, inner) for inner in part.struct.fields}
            for _ in range(rng.randint(1, 4))
        ]
    return rng.getrandbits(8 * part.size)


def winmx_talk(seed: int, link: str, *, patched: bool, most: int) -> Talk:
    """A connection that holds every packet of its link, each side what it sends."""
    rng = random.Random(seed)
    blocks = [cipher.key_block(role, rng.randbytes(16)) for role in LINKS[link]]
    keys = cipher.stream_keys(blocks[SERVER])
    sent = cipher.mask(blocks[SERVER]) if patched else blocks[SERVER]
    heads = [blocks[CLIENT], b"1" + sent]
    made = Talk(link, [], [])
    parts = []
    for side, way in ((CLIENT, "C>S"), (SERVER, "S>C")):
        plain = [
            winmx.encode(item.name, **packet_fields(rng, item))
            for item in PACKETS
            if item.link == link and item.direction in ("", way) and item.known
            and item.name not in ("NodeList", "PrimaryPacket")
        ]  # fmt: skip
        unknown = [item.mid for item in PACKETS if item.link == link and not item.known]
        plain += [mid.to_bytes(2, "little") + b"\x03\0abc" for mid in unknown]
        if side == SERVER and link == "secondary":
            plain += [winmx.encode(winmx.node_lists(node_list(rng))[0]) for _ in range(3)]
        rng.shuffle(plain)
        body = Stream(keys[1 - side]).encipher(b"".join(plain))
        made.streams.append(heads[side] + body)
        cuts = talks.cut(rng, side, body, most)
        parts.append([Segment(side, s.offset + HEADS[side], s.data) for s in cuts])
    made.segments = [
        Segment(SERVER, 0, heads[SERVER][:1]), Segment(CLIENT, 0, heads[CLIENT]),
        Segment(SERVER, 1, heads[SERVER][1:]), *talks.mixed(rng, parts),
    ]  # fmt: skip
    return made


def node_list(rng: random.Random) -> bytes:
    return bytes.fromhex("a1036000") + rng.randbytes(96)
