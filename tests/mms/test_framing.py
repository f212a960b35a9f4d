"""Sessions of every kind with every kind of damage: the kernels say what the oracle says.

The oracle (`tests/oracle/mms_framing.py`) was written from the rules of decision 0022 alone, and
sees all bytes at once.
"""

import random

import pytest

from mmscodec import mms
from mmscodec.schema.faults import FaultCode
from tests.mms import sessions, streams
from tests.mms.streams import PING, data
from tests.oracle.mms_framing import Framing


def no_damage(rng, units):
    return []


WAYS = (*sessions.WAYS, "udp", "client")
DAMAGES = (no_damage, *sessions.DAMAGES, sessions.several)


def units_of(way: str, seed: int) -> list[sessions.Unit]:
    if way == "udp":
        return sessions.over_udp(seed, count=25)
    return sessions.client(seed) if way == "client" else sessions.server(seed, way, count=24)


def rows_of(batch):
    faults = [
        (int(row["offset"]), int(row["length"]))
        for row in batch.faults
        if row["code"] != FaultCode.SHORT_MESSAGE
    ]
    spans = [
        list(zip(table["offset"].tolist(), table["length"].tolist(), strict=True))
        for table in (batch.packets, batch.data)
    ]
    return *spans, sorted(faults), batch.consumed


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("way", WAYS)
def test_the_kernels_say_what_the_oracle_says(way, damage):
    for seed in range(1000, 1002):
        case = sessions.damaged(seed, units_of(way, seed), damage)
        batch = mms.decode(case.data, transport="udp" if way == "udp" else "tcp")
        oracle = Framing(case.data, udp=way == "udp")
        assert rows_of(batch) == (
            oracle.packets, oracle.media, sorted(oracle.faults), oracle.consumed
        )  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("way", WAYS)
def test_however_a_damaged_session_is_cut_the_rows_are_the_same(way, damage):
    transport = "udp" if way == "udp" else "tcp"
    for seed in range(2000, 2003):
        case = sessions.damaged(seed, units_of(way, seed), damage)
        whole = streams.joined([mms.decode(case.data, transport=transport)])
        for size in (17, 256, 1400):
            cuts = range(size, len(case.data), size)
            assert streams.joined(streams.fed(case.data, cuts, transport=transport)) == whole


def test_intact_packets_come_out_and_none_is_invented():
    # Sessions as short as these are the hardest: what is lost are packets that nothing announced,
    # between damage and another play, with nothing around them that could prove them.
    found = lost = invented = unsaid = 0
    for seed in range(12):
        for way in WAYS:
            units = units_of(way, seed)
            for damage in DAMAGES:
                case = sessions.damaged(seed, units, damage)
                batch = mms.decode(case.data, transport="udp" if way == "udp" else "tcp")
                faults = list(
                    zip(
                        batch.faults["offset"].tolist(),
                        batch.faults["length"].tolist(),
                        strict=True,
                    )
                )
                score = sessions.score(case, streams.spans(batch), faults, batch.consumed)
                found += score.found
                lost += len(score.lost)
                invented += len(score.invented)
                unsaid += score.unsaid
                if damage is no_damage:
                    assert not score.lost
    assert invented == unsaid == 0
    assert lost <= found // 500


@pytest.mark.parametrize("seed", range(60))
def test_a_stream_of_a_client_has_no_data_packets(seed):
    rng = random.Random(seed)
    for damage in sessions.DAMAGES:
        case = sessions.damaged(seed, sessions.client(seed), damage)
        batch = mms.decode(case.data)
        assert len(batch.data) == 0, damage.__name__
    wrecked = bytearray(sessions.client(seed)[0].data)
    del wrecked[: rng.randrange(1, 40)]
    assert len(mms.decode(wrecked).data) == 0


def test_two_unknown_data_packets_that_tile_the_input_are_rows():
    batch = mms.decode(bytes.fromhex("0500000001050900aa 0600000009060900aa"))
    assert batch.data["location_id"].tolist() == [5, 6]
    assert len(batch.faults) == 0


def test_a_message_length_larger_by_eight_costs_no_other_packet():
    broken = bytearray(PING)
    broken[8] += 8
    batch = mms.decode(PING + bytes(broken) + PING * 2)
    assert batch.packets["offset"].tolist() == [0, 96, 144]
    assert batch.faults["length"].tolist() == [48]


def test_a_message_length_up_to_a_later_packet_costs_none_of_those_between():
    packets = [data(1 << 28 | i, 9, i, bytes([i] * 40)) for i in range(12)]
    stream = [*packets[:3], bytearray(PING), *packets[3:8], PING, *packets[8:]]
    for last in range(4, 10):  # the length of the first Ping reaches up to the packet behind it
        stream[3][8:12] = (sum(map(len, stream[3 : last + 1])) - 16).to_bytes(4, "little")
        if (len(PING) + 48 * (last - 3)) % 8:
            continue
        batch = mms.decode(b"".join(map(bytes, stream)))
        assert [n & 255 for n in batch.data["location_id"].tolist()] == list(range(12)), last
        assert len(batch.packets) == 1
        assert batch.faults["length"].tolist() == [48]


def test_a_header_without_its_seal_at_the_end_is_said():
    broken = bytearray(PING)
    broken[14] ^= 2
    batch = mms.decode(PING + bytes(broken))
    assert batch.faults["length"].tolist() == [48]
    assert batch.consumed == 96


def test_a_packet_size_that_is_a_multiple_of_its_neighbours_costs_no_other_packet():
    for size in (64, 1024):
        for bit in range(16):
            wrong = size ^ 1 << bit
            if wrong < 9:
                continue
            units = [data(i, 4, i, bytes([i & 255]) * (size - 8)) for i in range(600)]
            units[100] = units[100][:6] + wrong.to_bytes(2, "little") + units[100][8:]
            batch = mms.decode(b"".join(units))
            others = [i for i in range(600) if i != 100]
            assert [i for i in batch.data["location_id"].tolist() if i != 100] == others, (
                size,
                bit,
            )


def nested_headers() -> bytes:
    """A large packet with a header every 20 bytes, none where a message begins."""
    head = bytearray(PING[:32])
    head[8:12] = (1 << 20).to_bytes(4, "little")
    inner = bytearray(PING[:16]) + b"\1\0\0\0"
    return bytes(head) + b"\2\0\0\0" + bytes(inner) * 8000


def lying_sizes() -> bytes:
    """Unknown Data packets, each of which reaches far over the next ones."""
    return b"".join(data(i, 1 + i % 255, i * 7, b"")[:6] + b"\0\x80" for i in range(20_000))


def holes() -> bytes:
    """Media with a hole in every hundredth packet."""
    units = [data(i, 4, i, bytes([i & 255]) * 400) for i in range(2000)]
    return b"".join(unit[: 50 if i % 100 == 50 else None] for i, unit in enumerate(units))


HOSTILE = {
    "zeros": lambda: bytes(300_000),
    "ones": lambda: b"\xff" * 300_000,
    "random": lambda: random.Random(1).randbytes(300_000),
    "headers": lambda: PING[:32] * 8000,
    "session ids": lambda: bytes.fromhex("01000000cefa0bb0") * 40_000,
    "signatures": lambda: bytes.fromhex("cefa0b") * 100_000,
    "data headers": lambda: data(1, 4, 1, b"x")[:8] * 40_000,
    "nested headers": nested_headers,
    "lying sizes": lying_sizes,
    "holes": holes,
    "chains of two": lambda: b"".join(
        data(i, 9, i, bytes(1)) + data(i + 1, 9, i + 1, bytes(1)) + b"\x11" * 9
        for i in range(0, 40_000, 4)
    ),
    "small packets in payloads": lambda: b"".join(
        data(i, 4, i * 9, PING * 20 + bytes(i % 7)) for i in range(300)
    ),
}


@pytest.mark.parametrize("chunk", [1400, 1 << 30])
@pytest.mark.parametrize("kind", HOSTILE)
def test_the_bytes_looked_at_are_at_most_a_constant_times_the_input(kind, chunk):
    stream = HOSTILE[kind]()
    decoder = mms.Decoder()
    for at in range(0, len(stream), chunk):
        decoder.feed(stream[at : at + chunk])
    decoder.close()
    assert decoder._examined <= 80 * len(stream)
