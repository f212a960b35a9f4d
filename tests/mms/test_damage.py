"""Damage: a fault row, then every intact packet behind it, and none that never was."""

import random

import pytest

from mmscodec import mms
from mmscodec.schema.faults import FaultCode
from tests.mms import streams
from tests.mms.streams import PING, data, server_stream, spans


def shifted(rows, by):
    return {(offset + by, length, name) for offset, length, name in rows}


def cut_stream(seed):
    rng = random.Random(seed)
    options = {name: rng.random() < 0.5 for name in ("varying", "pings", "fake")}
    units = server_stream(rng, rng.randrange(5, 50), **options)
    starts = streams.offsets(units)
    stream = b"".join(units)
    rows = spans(mms.decode(stream))
    assert rows == {
        (start, len(unit), "packets" if unit[4:8] == PING[4:8] else "data")
        for start, unit in zip(starts, units, strict=False)
    }
    return rng, units, starts, stream, rows


@pytest.mark.parametrize("seed", range(300))
def test_a_flipped_header_bit_costs_no_other_packet(seed):
    rng, units, starts, stream, rows = cut_stream(seed)
    k = rng.randrange(1, len(units) - 1)
    header = 40 if units[k][4:8] == PING[4:8] else 8
    broken = bytearray(stream)
    broken[starts[k] + rng.randrange(header)] ^= 1 << rng.randrange(8)
    got = spans(mms.decode(broken))
    others = {row for row in rows if row[0] != starts[k]}
    assert others <= got
    assert all(starts[k] <= row[0] < starts[k + 1] for row in got - others)


@pytest.mark.parametrize("seed", range(300))
def test_garbage_between_packets_costs_no_packet_and_makes_none(seed):
    rng, units, starts, stream, rows = cut_stream(seed)
    k = rng.randrange(1, len(units) - 1)
    garbage = rng.randbytes(rng.choice([1, 5, 8, 60, 3000, 30_000]))
    got = mms.decode(stream[: starts[k]] + garbage + stream[starts[k] :])
    wanted = {row for row in rows if row[0] < starts[k]}
    wanted |= shifted({row for row in rows if row[0] >= starts[k]}, len(garbage))
    assert spans(got) == wanted
    assert got.faults["offset"].tolist() == [starts[k]]
    assert got.faults["length"].tolist() == [len(garbage)]


@pytest.mark.parametrize("seed", range(100))
def test_a_zeroed_header_costs_no_other_packet(seed):
    rng, units, starts, stream, rows = cut_stream(seed)
    k = rng.randrange(1, len(units) - 1)
    size = min(len(units[k]), rng.randrange(8, 100))
    broken = stream[: starts[k]] + bytes(size) + stream[starts[k] + size :]
    got = spans(mms.decode(broken))
    others = {row for row in rows if row[0] != starts[k]}
    assert others <= got
    # a whole packet in the payload of the damaged one cannot be told from one behind it
    assert all(starts[k] <= row[0] < starts[k + 1] for row in got - others)


def test_garbage_in_a_stretch_of_data_alone():
    packets = [data(100 + i, 4, i, bytes([i]) * 700) for i in range(20)]
    stream = b"".join(packets[:9]) + b"\x11" * 333 + b"".join(packets[9:])
    batch = mms.decode(stream)
    assert batch.data["location_id"].tolist() == list(range(100, 120))
    assert batch.faults["length"].tolist() == [333]


def test_a_header_inside_of_a_payload_is_no_packet():
    stream = b"".join(data(i, 4, i, PING * 20) for i in range(10))
    batch = mms.decode(stream)
    assert len(batch.packets) == 0
    assert len(batch.data) == 10
    assert batch.faults.text() == []


@pytest.mark.parametrize(
    "length", [0, 1, 8, 15, 17, 20, 0x7FFFFFFF, 0xFFFFFFF0, 0xFFFFFFF8, 0xFFFFFFFF]
)
def test_a_bad_message_length_is_a_fault_and_the_next_packet_is_found(length):
    broken = bytearray(PING)
    broken[8:12] = length.to_bytes(4, "little")
    batch = mms.decode(PING + bytes(broken) + PING)
    assert batch.packets["offset"].tolist() == [0, 96]
    assert batch.faults["offset"].tolist() == [48]
    assert batch.faults["length"].tolist() == [48]
    code = (
        FaultCode.TOO_LONG if length in (0xFFFFFFF0, 0xFFFFFFF8) else FaultCode.BAD_MESSAGE_LENGTH
    )
    assert batch.faults["code"].tolist() == [code]


@pytest.mark.parametrize("chunk_len", [0, 3, 0x1FFFFFFF, 0x20000000, 0x20000002, 0xFFFFFFFF])
def test_a_message_past_its_packet_keeps_the_packet_and_what_was_good(chunk_len):
    packet = mms.encode(["LinkMacToViewerPing", "LinkMacToViewerPing"])
    broken = bytearray(packet)
    broken[48:52] = chunk_len.to_bytes(4, "little")
    batch = mms.decode(PING + bytes(broken) + PING)
    assert batch.packets["message_count"].tolist() == [1, 1, 1]
    assert batch.faults["code"].tolist() == [FaultCode.BAD_CHUNK_LEN]
    assert batch.faults["offset"].tolist() == [len(PING) + 48]
    assert batch.faults["length"].tolist() == [16]


def test_a_packet_that_claims_the_next_one_too_is_a_fault():
    broken = bytearray(PING)
    broken[8:12] = (32 + 48).to_bytes(4, "little")
    batch = mms.decode(bytes(broken) + PING * 2)
    assert batch.packets["offset"].tolist() == [48, 96]
    assert batch.faults["length"].tolist() == [48]


def test_a_message_too_short_for_its_kind_is_a_fault_and_no_row_of_its_kind():
    packet = bytearray(mms.encode("LinkMacToViewerReportOpenFile")[:48])
    packet[8:12] = (32).to_bytes(4, "little")
    packet[32:36] = (2).to_bytes(4, "little")
    batch = mms.decode(bytes(packet) + PING)
    assert batch.faults["code"].tolist() == [FaultCode.SHORT_MESSAGE]
    assert batch.faults["need"].tolist() == [116]
    assert batch.faults["have"].tolist() == [16]
    assert len(batch.messages) == 2
    assert len(batch["LinkMacToViewerReportOpenFile"]) == 0


def test_a_bad_seal_is_a_fault():
    broken = bytearray(PING)
    broken[12] ^= 1
    batch = mms.decode(bytes(broken) + PING)
    assert batch.faults["code"].tolist() == [FaultCode.BAD_SEAL]
    assert batch.packets["offset"].tolist() == [48]


@pytest.mark.parametrize("size", range(8))
def test_a_data_packet_smaller_than_its_header_is_a_fault(size):
    broken = bytearray(data(3, 4, 3, bytes(100)))
    broken[6:8] = size.to_bytes(2, "little")
    good = [data(i, 4, i, bytes(100)) for i in (0, 1, 2, 4, 5, 6)]
    batch = mms.decode(b"".join(good[:3]) + bytes(broken) + b"".join(good[3:]))
    assert batch.data["location_id"].tolist() == [0, 1, 2, 4, 5, 6]
    assert batch.faults["code"].tolist() == [FaultCode.BAD_PACKET_SIZE]
    assert batch.faults["length"].tolist() == [108]


def test_the_data_packet_that_looks_like_a_session_id_is_a_data_packet():
    # playIncarnation 0xCE, AFFlags 0xFA, PacketSize 0xB00B make up the bytes of sessionId
    odd = data(77, 0xCE, 0xFA, bytes(0xB00B - 8))
    batch = mms.decode(PING + odd + PING)
    assert batch.data["location_id"].tolist() == [77]
    assert batch.faults.text() == []


def test_another_rep_is_no_fault():
    packet = bytearray(PING)
    packet[0] = 7
    batch = mms.decode(bytes(packet) + PING)
    assert len(batch.packets) == 2
    assert batch.faults.text() == []


def test_datagrams_are_decoded_each_by_itself():
    good = data(5, 4, 5, bytes(60))
    parts = [good, good[:30], good + b"xx", b"abc", data(6, 4, 6, bytes(10))]
    batch = mms.decode(b"".join(parts), transport="udp", datagrams=[len(part) for part in parts])
    assert batch.data["location_id"].tolist() == [5, 5, 6]
    assert batch.faults["code"].tolist() == [
        FaultCode.DATAGRAM_LENGTH, FaultCode.DATAGRAM_LENGTH, FaultCode.UNKNOWN_STRUCTURE,
    ]  # fmt: skip
    with pytest.raises(ValueError, match="past the end"):
        mms.decode(good, transport="udp", datagrams=[1000])


def test_on_fault_raise_says_where_and_why():
    with pytest.raises(mms.MalformedError) as caught:
        mms.decode(PING + b"rubbish, rubbish" + PING, on_fault="raise")
    error = caught.value
    assert (error.offset, error.field, error.section) == (48, "sessionId", "3.1.5.2")
    assert error.need == 0xB00BFACE
    assert len(error.batch.packets) == 1
    assert "0x30" in str(error)
