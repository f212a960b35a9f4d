"""Captures that begin in the middle of a connection: all that is whole behind their start."""

import random
from collections import Counter

import pytest

import mmscodec
from tests.capture import build, recut, truth
from tests.mms.streams import data

NAMES = ["ffmpeg_ipv6.pcapng", "libmms_seek.pcap", "libmms_sll.pcap", "vlc_noudp.pcap"]


def opened(packets, **options):
    return mmscodec.open(build.pcap(recut.ethernet(packets), magic=build.NANO), **options)


def data_of(capture, first=None):
    """Data packets, of each flow those from its first byte that was captured on."""
    rows = Counter()
    for row in capture.data:
        flow = capture.flows[int(row["flow"])]
        ends = tuple(str(flow[name]) for name in ("src", "src_port", "dst", "dst_port"))
        if first is None or (ends in first and row["offset"] >= first[ends]):
            rows[
                row["location_id"].item(), row["play_incarnation"].item(), row["length"].item()
            ] += 1
    return rows


@pytest.mark.parametrize("size", [1460, 536])
@pytest.mark.parametrize("name", NAMES)
def test_segments_that_begin_anywhere(name, size):
    packets = recut.split(recut.merged(recut.read(truth.FOLDER / name), 60_000), size)
    packets = [p for p in packets if p.protocol == 6]
    at = recut.offsets(packets)
    whole = opened(packets)
    step = max(1, len(packets) // 12)
    for start in range(step, len(packets) - 5, step):
        first: dict[tuple[str, ...], int] = {}
        for p, offset in zip(packets[start:], at[start:]):
            if p.payload:
                first.setdefault((p.src, str(p.src_port), p.dst, str(p.dst_port)), offset)
        want = data_of(whole, first)
        # the last packet alone proves nothing
        assert (want - data_of(opened(packets[start:]))).total() <= 1, start
        assert not data_of(opened(packets[start:])) - want


@pytest.mark.parametrize("seed", range(20))
def test_text_on_the_port_of_mms_is_no_media(seed):
    """What a client sends is never Data, nor is text that anybody sends."""
    rng = random.Random(seed)
    words = ["Funnel Of The Gods", "NSPlayer/9.0.0.2980; {3300AD50}", "Hello, world. ", "HTTP/1.1 "]
    text = "".join(rng.choice(words) for _ in range(300)).encode("utf-16-le")[rng.randrange(9) :]
    for port in (1755, 4000):
        packets = [
            recut.Packet(i, "192.0.2.1", "198.51.100.1", 6, 4000, port, 5 + i * 500, 1, 16, part)
            for i, part in enumerate(text[k : k + 500] for k in range(0, len(text), 500))
        ]
        packets += [
            recut.Packet(p.time, p.dst, p.src, 6, p.dst_port, p.src_port, p.seq, 1, 16, p.payload)
            for p in packets
        ]
        capture = opened(sorted(packets, key=lambda p: p.time))
        assert len(capture.data) == 0
        assert not (capture.flows["protocol"] == "mms").any()


@pytest.mark.parametrize("first", [1000, 1 << 24, 3_000_000_000])
@pytest.mark.parametrize("seed", range(5))
def test_a_live_stream_whose_numbers_are_large(seed, first):
    rng = random.Random(seed)
    units = [data(first + i, 9, i, rng.randbytes(700)) for i in range(60)]
    stream = b"".join(units)[rng.randrange(1, 700) :]
    packets = [
        recut.Packet(
            k, "198.51.100.1", "192.0.2.1", 6, 1755, 4000, 5 + k, 1, 16, stream[k : k + 900]
        )
        for k in range(0, len(stream), 900)
    ]
    capture = opened(packets)
    assert capture.data["location_id"].tolist() == [first + i for i in range(1, 60)]
    assert capture.flows["direction"].tolist() == ["S>C"]


@pytest.mark.parametrize("first", [1000, 1 << 24, 3_000_000_000])
@pytest.mark.parametrize("seed", range(5))
def test_live_datagrams_whose_numbers_are_large(seed, first):
    """Over UDP too, from whichever datagram on, some of them lost and some overtaken."""
    rng = random.Random(seed)
    numbers = [n for n in range(first, first + 60) if rng.random() > 0.1]
    places = {n: n + rng.choice([0, 0, 0, 1.5]) for n in numbers}
    sent = sorted(numbers, key=places.get)
    packets = [
        recut.Packet(k, "198.51.100.1", "192.0.2.1", 17, 1755, 7000, 0, 0, 0,
                     data(n, 9, n & 255, rng.randbytes(rng.randrange(50, 900))))
        for k, n in enumerate(sent)
    ]  # fmt: skip
    capture = opened(packets)
    assert capture.data["location_id"].tolist() == sent


@pytest.mark.parametrize("seed", range(20))
def test_datagrams_that_say_their_own_length_are_no_media(seed):
    """Other protocols may have their length where PacketSize is: the rest does not count on."""
    rng = random.Random(seed)
    packets = []
    for k in range(200):
        size = rng.randrange(9, 900)
        head = rng.randbytes(3) + bytes([rng.randrange(1, 256)]) + rng.randbytes(2)
        packets.append(
            recut.Packet(k, "198.51.100.1", "192.0.2.1", 17, 1755, 7000, 0, 0, 0,
                         head + size.to_bytes(2, "little") + rng.randbytes(size - 8))
        )  # fmt: skip
    capture = opened(packets)
    assert len(capture.data) == 0
