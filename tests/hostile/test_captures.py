"""Captures with liars in them, through the whole of `mmscodec.open`."""

import random
from dataclasses import replace
from functools import cache

import pytest

import mmscodec
from tests.capture import build, frames, recut, truth
from tests.capture.test_network_hostile import seeds, tampered
from tests.hostile.walk import walk

SMALL = {"max_flows": 40, "max_held": 1 << 18, "max_held_flow": 1 << 16, "max_pending": 100}
NAMES = ["libmms_seek.pcap", "vlc_udp.pcap", "ffmpeg_auth.pcap", "libmms_notfound.pcap"]
EDGES = [0, 1, 7, 8, 15, 16, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 9, 2**32 - 1]


@cache
def packets_of(name):
    # the start of each: the handshake and some media
    return recut.read(truth.FOLDER / name)[:160]


def opened(raw, **options):
    with mmscodec.open(raw, **options) as capture:
        return walk(capture)


def written(packets):
    return build.pcap(recut.ethernet(packets), magic=build.NANO)


def lied(rng, packet):
    """One packet with one thing wrong in it."""
    kind = rng.randrange(8)
    if kind == 0:
        return replace(packet, seq=rng.choice(EDGES))
    if kind == 1:
        return replace(packet, seq=(packet.seq + rng.choice(EDGES)) % 2**32)
    if kind == 2:
        return replace(packet, ack=rng.choice(EDGES))
    if kind == 3:
        return replace(packet, flags=rng.randrange(64))
    if kind == 4:
        return replace(packet, payload=packet.payload[: rng.randrange(len(packet.payload) + 1)])
    if kind == 5:
        return replace(packet, time=rng.choice([0, -(2**31), 2**62, packet.time - 10**12]))
    payload = bytearray(packet.payload)
    for _ in range(rng.randrange(1, 5)):
        if len(payload) >= 4:
            at = rng.randrange(len(payload) - 3)
            if kind == 6:
                at = min(at & ~3, 60)  # headers and first fields
            payload[at : at + 4] = rng.choice(EDGES).to_bytes(4, "little")
    return replace(packet, payload=bytes(payload))


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("name", NAMES)
def test_lies_in_packets_end_in_rows_and_faults(name, seed):
    rng = random.Random(seed)
    packets = list(packets_of(name))
    for _ in range(rng.choice([1, 3, 10, 40])):
        at = rng.randrange(len(packets))
        packets[at] = lied(rng, packets[at])
    if seed % 3 == 1:
        rng.shuffle(packets)
    if seed % 3 == 2:
        packets = [p for p in packets for _ in range(rng.choice([0, 1, 1, 2]))]
    packets = [replace(p, time=max(p.time, 0) % 2**61) for p in packets]
    raw = written(packets)
    opened(raw)
    opened(raw, protocols=None, **SMALL)


@pytest.mark.parametrize("seed", range(20))
def test_damaged_bytes_anywhere_in_a_file_end_in_rows_and_faults(seed):
    rng = random.Random(seed)
    raw = bytearray(written(packets_of(NAMES[seed % len(NAMES)])))
    for _ in range(rng.choice([1, 10, 200])):
        at = rng.randrange(24, len(raw))
        raw[at] = rng.randrange(256)
    opened(bytes(raw))
    opened(bytes(raw), protocols=None, **SMALL)


@pytest.mark.parametrize("seed", range(4))
def test_tampered_headers_of_every_link_end_in_rows_and_faults(seed):
    rng = random.Random(seed)
    every = seeds()
    by_link = {}
    for number in range(4000):
        linktype, frame, _ = tampered(rng, every)
        by_link.setdefault(linktype, []).append((number * 10**6, frame))
    for linktype, items in by_link.items():
        raw = build.pcap(items, linktype=linktype)
        opened(raw, protocols=None, **SMALL)
        opened(raw)


def test_every_prefix_of_a_small_capture_is_read():
    raw = written(packets_of("ffmpeg_auth.pcap"))
    before = 0
    for size in range(1, 24):
        with pytest.raises(mmscodec.errors.CaptureError):
            opened(raw[:size])
    for size in (0, *range(24, len(raw))):
        with mmscodec.open(raw[:size]) as capture:
            rows = walk(capture, deep=size % 16 == 0)
        assert rows["packets"] >= before
        before = rows["packets"]


def test_batches_of_a_hostile_capture_have_the_rows_of_the_whole():
    for seed in range(10):
        rng = random.Random(seed)
        packets = [lied(rng, p) if rng.random() < 0.1 else p for p in packets_of(NAMES[0])]
        packets = [replace(p, time=max(p.time, 0) % 2**61) for p in packets]
        raw = written(packets)
        whole = opened(raw)
        sums = dict.fromkeys(whole, 0)
        with mmscodec.open(raw) as capture:
            for batch in capture.iter_batches(rows=50):
                for name in sums:
                    sums[name] += len(getattr(batch, name))
        assert sums == whole


def test_connections_beyond_the_limit_are_given_up_and_said():
    body = b"\x01\0\0\0\xce\xfa\x0b\xb0"
    items = [
        (
            number * 10**6,
            frames.ethernet(
                frames.ipv4(frames.tcp(body, src_port=number % 60000 + 1), identification=number)
            ),
        )
        for number in range(3000)
    ]
    rows = opened(build.pcap(items), protocols=None, **SMALL)
    assert rows["faults"] >= 2900
