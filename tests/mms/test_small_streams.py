"""Short streams of all that a judgement looks at: the kernels say what the oracle says.

Sessions as servers send them hold most of it in one order alone. Here headers that are text, header
fragments, packet pairs, lists of lost packets, packets in packets and cut off ones come in any
order, so that each looks like the continuation of each.
"""

import random
import struct

import pytest

from mmscodec import mms
from tests.mms import streams
from tests.mms.streams import GUID, PING, data
from tests.mms.test_framing import rows_of
from tests.oracle.mms_framing import RESEND, Framing

STARTED = [
    mms.encode("LinkMacToViewerReportStartedPlaying", play_incarnation=n) for n in (4, 9, 0x41)
]
OPEN = mms.encode("LinkViewerToMacOpenFile", file_name="film.asf", play_incarnation=4)
BARE = PING[:8] + struct.pack("<I", 16) + PING[12:32]  # a header without a message
STRANGE = PING[:36] + struct.pack("<I", 0x00070001) + PING[40:]
TEXT = "film on demand, in colour".encode("utf-16-le")


def small_data(rng: random.Random, near: int) -> bytes:
    """A Data packet: of a play that goes on, or of any other."""
    location = rng.choice([near, near, near + 1, near + 30, near + 5000, 0, 3, 1 << 24, 1 << 28])
    kind = rng.random()
    if kind < 0.08:
        return data(0, rng.choice([4, 9]), rng.choice([4, 0x0C]), GUID + bytes(rng.randrange(40)))
    if kind < 0.12:
        return data(0xF0F0F000 + rng.randrange(2), 0xFF, 0x10, bytes(rng.choice([1, 20])))
    if kind < 0.15:
        return data(0xFFFF0000 + rng.randrange(9), 4, 0, bytes(8))
    if kind < 0.2:
        return TEXT[: rng.randrange(8, len(TEXT))]
    payload = rng.choice([b"", b"\x82\0\0", bytes(8), bytes(40), b"\x11" * 24, TEXT[:16]])
    if rng.random() < 0.3:
        payload += rng.choice([PING, BARE, data(near + 1, 4, 0, bytes(8)), TEXT, PING[:16]])
    flags = rng.choice([near, near, near + 1, 4, 8, 0x0C, rng.randrange(256)])
    return data(location & 0xFFFFFFFF, rng.choice([4, 4, 4, 9, 0x41, 0]), flags, payload)


def packet(rng: random.Random) -> bytes:
    """A packet with a header, whose lengths may lie."""
    whole = bytearray(rng.choice([PING, PING * 2, BARE, STRANGE, OPEN, *STARTED]))
    if rng.random() < 0.25:
        struct.pack_into("<I", whole, 8, rng.choice([8, 16, 24, 32, 40, 72, 80, 88, 104, 600]))
    if rng.random() < 0.1 and len(whole) >= 36:
        struct.pack_into("<I", whole, 32, rng.choice([0, 1, 3, 1 << 28, 1 << 29]))
    if rng.random() < 0.08:
        whole[rng.choice([0, 4, 12, 14])] ^= 1
    return bytes(whole)


def resend(rng: random.Random) -> bytes:
    count = rng.choice([0, 1, 3, 40])
    return struct.pack("<IIHH", RESEND, rng.choice([0, 3, 0x01020304]), 0, count) + bytes(
        4 * rng.choice([count, 1])
    )


def stream(rng: random.Random, udp: bool) -> bytes:
    near, parts = rng.choice([0, 7, 300, 1 << 26]), []
    for _ in range(rng.randrange(1, 9)):
        kind = rng.random()
        if kind < 0.6:
            part = small_data(rng, near)
            near += 1
        elif kind < 0.85 or not udp:
            part = packet(rng)
        else:
            part = resend(rng)
        if rng.random() < 0.1:
            part = part[: rng.randrange(len(part) + 1)]
        if rng.random() < 0.05:
            part += rng.choice([b"\xff" * 7, bytes(3), b"\xce\xfa\x0b", TEXT[:5]])
        parts.append(part)
    whole = b"".join(parts)
    return whole[: rng.randrange(len(whole) + 1)] if rng.random() < 0.3 else whole


def cases(transport: str, seed: int, count: int) -> list[tuple[bytes, int]]:
    """Streams, each with a ceiling for its packets."""
    rng = random.Random(f"{transport} {seed}")
    return [(stream(rng, transport == "udp"), rng.choice([64, 100, 1 << 20])) for _ in range(count)]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_the_kernels_say_what_the_oracle_says(transport, seed):
    for case, ceiling in cases(transport, seed, 1000):
        batch = mms.decode(case, transport=transport, max_packet=ceiling)
        oracle = Framing(case, udp=transport == "udp", max_packet=ceiling)
        wanted = oracle.packets, oracle.media, sorted(oracle.faults), oracle.consumed
        assert rows_of(batch) == wanted, case.hex()


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_however_they_are_cut_the_rows_are_the_same(transport):
    rng = random.Random(5)
    for case, ceiling in cases(transport, 50, 1000):
        options = {"transport": transport, "max_packet": ceiling}
        whole = streams.joined([mms.decode(case, **options)])
        every = streams.fed(case, range(1, len(case)), **options)
        assert streams.joined(every) == whole, case.hex()
        cuts = [rng.randrange(len(case) + 1) for _ in range(3)]
        assert streams.joined(streams.fed(case, cuts, **options)) == whole, (cuts, case.hex())
