"""Nothing is invented behind a reply of a peer cache, and no extent leaves its message."""

import random

import numpy as np
import pytest

from mmscodec import mms, winmx
from mmscodec.schema.mms import BY_NAME, RESEND
from tests.hostile.test_blocks import KINDS


def pieces(rng: random.Random, data: bytes) -> list[bytes]:
    cuts = sorted(rng.sample(range(len(data) + 1), rng.randrange(min(len(data), 9))))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)])]


@pytest.mark.parametrize("seed", range(150))
def test_behind_a_reply_of_a_peer_cache_there_is_nothing(seed):
    rng = random.Random(seed)
    nodes = np.frombuffer(rng.randbytes(120), winmx.RECORD_DTYPE)
    reply = winmx.encode_cache_reply(nodes)
    tail = rng.choice(
        [
            b"",
            bytes(rng.randrange(1, 400)),
            rng.randbytes(rng.randrange(1, 400)),
            reply,
            reply[: rng.randrange(1, len(reply))],
            (b"\xa1\x03\x60\0" + bytes(96)) * 3,
        ]
    )
    one = winmx.decode(reply, link="cache")
    whole = winmx.decode(reply + tail, link="cache")
    assert whole.records.tolist() == one.records.tolist()
    assert whole.packets.tolist() == one.packets.tolist()
    assert bool(len(whole.faults)) == bool(tail)
    start = rng.choice([0, 1000])
    decoder = winmx.Decoder(link="cache", start=start)
    batches = [*map(decoder.feed, pieces(rng, reply + tail)), decoder.close()]
    assert [row for batch in batches for row in batch.records.tolist()] == one.records.tolist()
    assert sum(len(batch.packets) for batch in batches) == 1
    faults = [row for batch in batches for row in np.asarray(batch.faults)]
    covered = sum(int(row["length"]) for row in faults)
    assert covered == len(tail)
    assert all(int(row["offset"]) >= start + len(reply) for row in faults)


def damaged(rng: random.Random) -> bytes:
    """A message with bytes changed, perhaps shorter than its fields."""
    message = bytearray(rng.choice(KINDS))
    for _ in range(rng.randrange(5) if len(message) > 40 else 0):
        message[rng.randrange(40, len(message))] = rng.choice([0, 1, 127, 128, 255])
    cut = 8 * rng.randrange(6)
    if rng.random() < 0.5 and len(message) - cut >= 48:
        del message[len(message) - cut :]
        for at, less in ((8, cut), (16, cut // 8), (32, cut // 8)):
            value = int.from_bytes(message[at : at + 4], "little") - less
            message[at : at + 4] = max(value, 0).to_bytes(4, "little")
    return bytes(message)


@pytest.mark.parametrize("seed", range(60))
def test_extents_of_any_field_lie_inside_of_their_message(seed):
    rng = random.Random(seed)
    data = b"".join(damaged(rng) for _ in range(8))
    decoder = mms.Decoder()
    batches = [*map(decoder.feed, pieces(rng, data)), mms.decode(data)]
    batches.append(mms.decode(data, transport="udp"))
    seen = 0
    for batch in batches:
        for name in (*mms.MESSAGES, RESEND.name):
            messages = batch.messages[batch.rows(name)]
            ends = messages["offset"] + messages["length"]
            for field in BY_NAME.get(name, RESEND).fields:
                found = batch.extents(name, field.python_name)
                seen += len(found)
                assert (found["offset"] >= messages["offset"]).all()
                assert (found["length"] >= 0).all()
                assert (found["offset"] + found["length"] <= ends).all()
                assert (ends <= len(data)).all()
    assert seen > 0


WRONG = [None, -1, 1.5, 1 << 16, 1 << 32, 1 << 64, "text", "\u20ac", "a\0b", b"bytes", b"", [], [1],
         {"a": 1}, True, np.float64(2.5), np.int64(-3), object()]  # fmt: skip


def frames(rng: random.Random, count: int) -> bytes:
    out = []
    for _ in range(count):
        kind = rng.choice([kind for kind in winmx_kinds() if kind.mid >= 0])
        body = bytes(rng.choice([0, 0, 1, 2, 65]) for _ in range(rng.randrange(80)))
        out.append(kind.mid.to_bytes(2, "little") + len(body).to_bytes(2, "little") + body)
    return b"".join(out)


def winmx_kinds() -> list:
    from mmscodec.schema.winmx import BY_NAME as known

    return [kind for kind in known.values() if kind.link in ("secondary", "chat") and kind.known]


@pytest.mark.parametrize("seed", range(25))
def test_winmx_fields_are_encoded_whole_or_refused(seed):
    rng = random.Random(seed)
    batch = winmx.decode(frames(rng, 200))
    refused = 0
    for i in range(len(batch.packets)):
        try:
            fields = batch.fields(i)
            name = next(kind.name for kind in winmx_kinds() if kind.mid == batch.packets["type"][i])
            winmx.encode(name, **fields)
        except (KeyError, ValueError, StopIteration):
            continue
        if not fields:
            continue
        key = rng.choice(list(fields))
        changed = {**fields, key: rng.choice(WRONG)}
        try:
            wire = winmx.encode(name, **changed)
            again = winmx.decode(bytes(wire)).fields(0)
        except (ValueError, TypeError):  # refused, or another kind that needs more
            refused += 1
            continue
        value, back = changed[key], again.get(key)
        if value is None:  # not given: left out, or what it has to be
            continue
        back = back.tolist() if isinstance(back, np.ndarray) else back
        same = back == value or (back in (None, [], "", b"") and value in (None, [], "", b""))
        assert same or (isinstance(value, bytes | str) and _bytes(value) in bytes(wire)), (
            name, key, value, back,
        )  # fmt: skip
    assert refused > 5


def _bytes(value) -> bytes:
    return value.encode("latin-1", "replace") if isinstance(value, str) else bytes(value or b"")
