"""Frames that were tampered with, at the edge of readable memory."""

import ctypes
import os
import random
import subprocess
import sys

import pytest

from tests.bindings.network import Network, NetworkFault, Segment
from tests.capture import frames as f
from tests.capture.network_cases import CASES, COMPRESSED
from tests.capture.test_network_fragments import four, pieces, six

ROUNDS = 40_000
LINKTYPES = sorted({case.linktype for case in CASES.values()})
INTERESTING = [0, 1, 7, 8, 15, 16, 0x3F, 0x40, 0x45, 0x60, 0x7F, 0x80, 0xFE, 0xFF]


def seeds() -> list[tuple[int, bytes]]:
    every = [(case.linktype, case.frame) for case in (CASES | COMPRESSED).values()]
    inner = f.udp(f.vxlan(f.ethernet(f.ipv4(f.tcp(bytes(90))))), dst_port=4789)
    several = f.aggregate(
        f.ipv4(f.tcp(b"one")), f.ipv6(f.tcp(b"three")), f.ipv4(inner, protocol=17)
    )
    every += [(105, several), (127, f.radiotap(several)), (105, f.aggregate(*pieces(four)))]
    every += [(1, f.ethernet(f.ipv4(f.gre(several, 0x8200), protocol=47)))] * 3
    for build in (four, six):
        every += [(1, frame) for frame in pieces(build)]
        every += [(1, frame) for frame in pieces(build, inner)]
    return every


def tampered(rng: random.Random, every: list[tuple[int, bytes]]) -> tuple[int, bytes, int]:
    """A link type, a frame with some bytes changed, cut, doubled or joined, a length."""
    linktype, frame = rng.choice(every)
    frame = bytearray(frame)
    for _ in range(rng.randrange(5)):
        at = rng.randrange(min(len(frame), 120))
        frame[at] = rng.choice(INTERESTING) if rng.random() < 0.5 else rng.randrange(256)
    choice = rng.random()
    if choice < 0.3:
        frame = frame[: rng.randrange(len(frame) + 1)]
    elif choice < 0.4:
        at = rng.randrange(len(frame))
        frame[at:at] = frame[max(0, at - rng.randrange(60)) : at]
    elif choice < 0.5:
        at = rng.randrange(len(frame))
        frame[at:] = rng.choice(every)[1][rng.randrange(60) :]
    if rng.random() < 0.05:
        linktype = rng.choice(LINKTYPES)
    wire_len = len(frame) if rng.random() < 0.7 else rng.choice([0, 60, 1514, 2**32 - 1])
    return linktype, bytes(frame), wire_len


def check(result, size: int, position: int) -> None:
    if isinstance(result, Segment):
        assert len(result.payload) <= result.wire_len
        assert result.protocol in (6, 17)
    elif isinstance(result, NetworkFault):
        assert 160 <= result.code <= 163
        assert result.need >= 0
        assert result.have >= 0
        if result.code != 160:  # dropped fragments may lie anywhere before
            assert position <= result.offset <= position + size


@pytest.mark.parametrize("seed", range(4))
def test_tampered_frames_give_a_segment_a_fault_or_nothing(seed):
    rng = random.Random(seed)
    every = seeds()
    network = Network(max_fragments=50, max_fragment_bytes=1 << 20)
    for number in range(ROUNDS // 4):
        linktype, frame, wire_len = tampered(rng, every)
        exact = (ctypes.c_uint8 * len(frame)).from_buffer_copy(frame)
        results = network.decode_all(
            exact, linktype=linktype, wire_len=wire_len, time=number * 10**9, position=number * 99
        )
        assert len(results) <= 1 + len(frame) // 14
        for result in results:
            check(result, len(frame), number * 99)
        assert network.pending <= 50
        assert network.held <= (1 << 20) + (1 << 17)
    network.finish()
    assert network.held == 0


GUARD = """
import ctypes, mmap, random, sys
from tests.bindings.network import Network
from tests.capture.test_network_hostile import ROUNDS, seeds, tampered
PAGE = mmap.PAGESIZE
room = mmap.mmap(-1, 3 * PAGE)
start = ctypes.addressof(ctypes.c_char.from_buffer(room))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.mprotect(ctypes.c_void_p(start + 2 * PAGE), ctypes.c_size_t(PAGE), 0) == 0
view = memoryview(room)[: 2 * PAGE]
rng = random.Random(99)
every = seeds()
network = Network()
for number in range(ROUNDS):
    linktype, frame, wire_len = tampered(rng, every)
    edge = view[2 * PAGE - len(frame) :]
    edge[:] = frame
    network.decode_all(edge, linktype=linktype, wire_len=wire_len)
for linktype, frame in every:
    for size in range(len(frame)):
        edge = view[2 * PAGE - size :] if size else view[:0]
        edge[:] = frame[:size]
        network.decode_all(edge, linktype=linktype, wire_len=len(frame))
print("whole")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs mprotect")
def test_no_byte_behind_a_frame_is_read():
    done = subprocess.run(
        [sys.executable, "-c", GUARD],
        capture_output=True,
        text=True,
        check=False,
        cwd=sys.path[0] or ".",
        env=os.environ | {"PYTHONPATH": ":".join(path for path in sys.path if path)},
    )
    assert done.stdout == "whole\n", done.stderr
