"""Work over many rows goes block by block, and gives the same as all rows at once.

Between two blocks the interpreter sees a signal; a rule between rows must not lose what lies in
another block.
"""

import random

import numpy as np
import pytest

import mmscodec
from mmscodec import blocks, mms, winmx
from mmscodec.schema.mms import BY_NAME
from mmscodec.schema.winmx import BY_NAME as PACKETS
from tests.capture import build, frames


def example(name: str) -> bytes:
    """One message of a kind."""
    fields = {
        field.python_name: {"utf16": "text", "bytes": b"bytes"}.get(field.kind, [])
        for field in BY_NAME[name].variable
        if field.default is None and not field.optional
    }
    return mms.encode(name, **fields)


KINDS = [example(name) for name in mms.MESSAGES]


def mms_stream(rng: random.Random, count: int) -> bytes:
    """Messages of all kinds and Data packets with bytes changed, and noise between."""
    out, seq = [], 0
    for _ in range(count):
        if rng.random() < 0.3:
            place, tag = rng.choice([0, 5, 0xFFFFFFFF]), rng.choice([1, 2, 4, 255])
            payload = bytes(rng.choice([0, 20, 1464, 1456, 4000]))
            out.append(mms.encode("Data", location_id=place, play_incarnation=tag, payload=payload))
        else:
            message = bytearray(rng.choice(KINDS))
            message[20:22] = (seq & 0xFFFF).to_bytes(2, "little")
            message[24:32] = rng.randbytes(8)
            seq += rng.choice([1, 1, 1, 1, 2])
            for _ in range(rng.choice([0, 0, 0, 1, 3])):
                message[rng.randrange(20, len(message))] = rng.choice([0, 1, 2, 255])
            out.append(bytes(message))
        if rng.random() < 0.02:
            out.append(rng.randbytes(rng.randrange(1, 60)))
    return b"".join(out)


def winmx_stream(rng: random.Random, count: int) -> bytes:
    """Frames of all types and of none, their bodies small numbers."""
    types = [0x03A1, 0x03A1, 0x0384, *(kind.mid for kind in PACKETS.values() if kind.mid >= 0)]
    out = []
    for _ in range(count):
        size = rng.choice([0, 4, 12, 30, 96, 60, 108])
        body = bytes(rng.choice([0, 0, 1, 2, 65, 255]) for _ in range(size))
        kind = rng.choice([*types, rng.randrange(1 << 14)])
        out.append(kind.to_bytes(2, "little") + size.to_bytes(2, "little") + body)
    return b"".join(out)


def captured(rng: random.Random, streams: list[bytes]) -> bytes:
    """A pcap file of connections whose segments are mixed, some lost."""
    left = [memoryview(stream) for stream in streams]
    seqs, items = [1000] * len(left), []
    while any(left):
        i = rng.choice([i for i, rest in enumerate(left) if rest])
        piece, left[i] = left[i][: (size := rng.randrange(1, 1400))], left[i][size:]
        if rng.random() > 0.01:
            ports = (1755, 4000 + i) if i % 2 else (4000 + i, 1755)
            segment = frames.tcp(bytes(piece), seq=seqs[i], src_port=ports[0], dst_port=ports[1])
            items.append((len(items) * 1000, frames.ethernet(frames.ipv4(segment))))
        seqs[i] += len(piece)
    return build.pcap(items)


def in_blocks(monkeypatch, work, size: int) -> list:
    monkeypatch.setattr(blocks, "BLOCK", size)
    return np.asarray(work()).tolist()


@pytest.mark.parametrize("seed", range(3))
def test_findings_of_a_stream_are_those_of_its_blocks(monkeypatch, seed):
    rng = random.Random(seed)
    stream = mms_stream(rng, 300)
    for transport in ("tcp", "udp"):
        whole = np.asarray(mms.decode(stream, transport=transport).findings).tolist()
        assert len(whole) > 300
        for size in (5, 64):
            batch = mms.decode(stream, transport=transport)
            assert in_blocks(monkeypatch, lambda b=batch: b.findings, size) == whole


@pytest.mark.parametrize("seed", range(3))
def test_findings_of_a_capture_are_those_of_its_blocks(monkeypatch, seed):
    rng = random.Random(seed)
    file = captured(rng, [mms_stream(rng, 80) for _ in range(5)])
    with mmscodec.open(file) as cap:
        whole = np.asarray(cap.findings).tolist()
        assert len(cap.faults) > 0
        assert len({row[-2] for row in whole}) > 2 or len(cap.flows) > 2
    for size in (5, 64):
        with mmscodec.open(file) as cap:
            assert in_blocks(monkeypatch, lambda c=cap: c.findings, size) == whole


@pytest.mark.parametrize("link", ["", "secondary", "chat"])
@pytest.mark.parametrize("seed", range(3))
def test_findings_of_winmx_are_those_of_its_blocks(monkeypatch, seed, link):
    stream = winmx_stream(random.Random(seed), 300)
    for direction in ("", "C>S", "S>C"):
        whole = np.asarray(winmx.decode(stream, link=link, direction=direction).findings).tolist()
        assert len(whole) > 100
        for size in (5, 64):
            batch = winmx.decode(stream, link=link, direction=direction)
            assert in_blocks(monkeypatch, lambda b=batch: b.findings, size) == whole


def test_joined_copies_whole_rows(monkeypatch):
    rng = np.random.default_rng(1)
    parts = [rng.integers(0, 256, (n, 24), np.uint8).view("u8,u4,u4,u8")[:, 0] for n in (0, 5, 90)]
    for size in (1, 7, 1 << 16):
        monkeypatch.setattr(blocks, "BLOCK", size)
        assert blocks.joined(parts, parts[0].dtype).tobytes() == b"".join(
            part.tobytes() for part in parts
        )
