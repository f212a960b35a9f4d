"""A kernel that writes stops at its capacity, whatever its input was counted to need before.

Each kernel is told every capacity from nothing to more than enough, in memory with a guard behind
it. That is what happens when another thread changes an array between the count and the writing.
"""

import struct

import numpy as np
import pytest

from mmscodec import mms, winmx
from mmscodec.errors import EncodeError
from mmscodec.schema import mms as schema
from mmscodec.schema.dtypes import ROWS
from tests.bindings import writers

BEHIND = 4096  # bytes of guard
SOURCE = np.random.default_rng(7).integers(0, 256, 4096, "u1")
PLAN = np.dtype([("offset", "<i8"), ("length", "<u4"), ("source", "<u4")])


def memory(capacity: int) -> np.ndarray:
    return np.full(capacity + BEHIND, writers.GUARD, "u1")


def written(write, capacity: int, unit: int = 1) -> int:
    """What `write` says, after a look at the guard."""
    out = memory(capacity)
    count = write(capacity, out)
    assert (out[capacity:] == writers.GUARD).all()
    assert 0 <= count * unit <= capacity
    return count


def messages(rows, kind, tail, tails, bare):
    def write(capacity, out):
        return writers.messages(rows, len(tails) - 1, kind, tail, tails, bare, capacity, out)

    return write


def connect_rows(count: int) -> tuple[int, np.ndarray]:
    kind = schema.MESSAGES.index(schema.BY_NAME["LinkViewerToMacConnect"]) + 1
    return kind, np.zeros(count, ROWS["LinkViewerToMacConnect"]).view("u1")


@pytest.mark.parametrize("bare", [False, True])
def test_messages(bare):
    kind, rows = connect_rows(5)
    tails = np.array([0, 0, 40, 41, 700, 701], "i8")
    write = messages(rows, kind, SOURCE, tails, bare)
    whole = written(write, 10_000)
    assert whole > 5 * 40
    counts = [written(write, capacity) for capacity in range(whole + 64)]
    assert counts == sorted(counts)
    assert counts[whole:] == [whole] * 64


@pytest.mark.parametrize("tails", [[0, 5000], [-8, 8], [4090, 4100], [10, 5], [2**62, 2**62 + 8]])
def test_messages_with_tails_that_are_not_there(tails):
    kind, rows = connect_rows(1)
    assert written(messages(rows, kind, SOURCE, np.array(tails, "i8"), False), 1 << 14) == 0


@pytest.mark.parametrize("chunk_len", [1, 2, 1 << 28, 0xFFFFFFFF])
def test_messages_whose_rows_say_another_length_now(chunk_len):
    kind, rows = connect_rows(3)
    rows = rows.copy()
    rows.reshape(3, -1)[1, :4] = np.frombuffer(struct.pack("<I", chunk_len), "u1")
    before = written(messages(rows, kind, SOURCE, np.zeros(4, "i8"), True), 100)
    assert before == rows.size // 3 + -(rows.size // 3) % 8  # the first one alone


def test_data_packets():
    sizes = [8, 9, 1000, 8, 300]
    heads = np.frombuffer(b"".join(struct.pack("<IBBH", 0, 4, 0, n) for n in sizes), "u1")
    starts = np.array([0, 5, 100, 4096, 3804], "i8")

    def write(capacity, out):
        return writers.data(heads, starts, SOURCE, capacity, out)

    sums = [0, *np.cumsum(sizes).tolist()]
    for capacity in range(sums[-1] + 9):
        assert written(write, capacity) == max(n for n in sums if n <= capacity)


@pytest.mark.parametrize("start", [-1, 4090, 5000, 2**62, -(2**62)])
def test_data_packets_whose_payload_is_not_there(start):
    heads = np.frombuffer(struct.pack("<IBBH", 0, 4, 0, 50) * 2, "u1")
    starts = np.array([0, start], "i8")
    assert written(lambda n, out: writers.data(heads, starts, SOURCE, n, out), 200) == 50


def test_runs():
    table = np.array([(0, 10), (4090, 6), (4090, 7), (0, 1)], "<u8").reshape(-1)

    def write(capacity, out):
        return writers.runs(table.view("u1"), SOURCE, capacity, out)

    assert [written(write, n) for n in (0, 9, 10, 15, 16, 500)] == [0, 0, 10, 10, 16, 16]


def test_fixed_parts_of_messages():
    positions, lengths = np.arange(0, 400, 40, dtype="i8"), np.full(10, 40, "u4")
    for capacity in range(0, 600, 7):
        out = memory(capacity)
        status = writers.gather(SOURCE, positions, lengths, capacity, 56, 40, out)
        assert (status == 0) == (capacity >= 560)
        assert (out[capacity:] == writers.GUARD).all()
    assert writers.gather(SOURCE, positions, lengths, 560, 24, 40, memory(560)) == -1


def test_node_lists():
    frames = np.frombuffer((bytes.fromhex("a1036000") + bytes(96)) * 5, "u1")
    for capacity in range(0, 600, 5):
        count = written(lambda n, out: writers.copy_lists(frames, 5, n, out), capacity, 96)
        assert count == min(capacity // 96, 5)
    for each in (0, 1, 7, 8, 9):
        size = 4 + 12 * each
        for capacity in range(0, 5 * size + 10):
            count = written(
                lambda n, out, each=each: writers.write_lists(SOURCE, 5, each, n, out), capacity
            )
            assert count == min(capacity // size, 5) * size


@pytest.mark.parametrize("framing", range(5))
def test_records_and_nodes(framing):
    rng = np.random.default_rng(framing)
    for _ in range(200):
        data = rng.integers(0, 256, rng.integers(1, 700), "u1")
        for at in range(0, len(data) - 4, 40):  # many lists, of every length
            data[at : at + 4] = 0xA1, 3, rng.integers(0, 120), 0
        room = int(rng.integers(0, 30))
        count = written(
            lambda _, out, data=data, room=room: writers.gather_records(data, framing, room, out),
            12 * room,
            12,
        )
        rows, seen = writers.gather_nodes(data, framing, room)
        assert seen == room, "nodes behind the capacity"
        assert count <= room
        assert rows <= room


def asf_writer(plan):
    return lambda capacity, out: writers.asf_packets(plan.view("u1"), 100, capacity, out)


def test_asf_packets():
    plan = np.zeros(6, PLAN)
    plan["length"] = 50
    plan["source"][2] = 0xFFFFFFFF
    plan["source"][5] = 1  # there is no such flow
    raw = plan.view("u1")
    for capacity in range(0, 700, 11):
        count = written(asf_writer(plan), capacity, 100)
        assert count == min(capacity // 100, 5)
    for field, value in [("length", 101), ("offset", 2**62), ("offset", -(2**63))]:
        other = plan.copy()
        other[field][3] = value
        assert written(asf_writer(other), 600, 100) == 3
    times = np.full(20, -7, "i8")
    assert writers.asf_times(raw, 100, 4, times) == 4
    assert (times[4:] == -7).all()
    assert (times[:4] == -1).all()


# ---- what was counted and what was gathered agree, in new memory and in used


def changed(data: bytes, rng: np.random.Generator) -> bytes:
    """`data` with some bytes changed, cut off or doubled."""
    out = np.frombuffer(data, "u1").copy()
    if len(out):
        out[rng.integers(0, len(out), rng.integers(0, 12))] = rng.integers(0, 256)
        out = out[rng.integers(0, 9) :][: rng.integers(0, len(out) + 1)]
    return out.tobytes() * int(rng.integers(1, 4))


def mms_samples() -> list[bytes]:
    return [
        mms.encode("LinkMacToViewerPing"),
        mms.encode("LinkViewerToMacConnect", subscriber_name="NSPlayer/7.0; {1}"),
        mms.encode("LinkViewerToMacStartPlaying"),
        mms.encode("Data", location_id=0, play_incarnation=4, payload=bytes(300)),
    ]


def tables(batch) -> list[bytes]:
    return [getattr(batch, name).tobytes() for name in ("packets", "messages", "data", "faults")]


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_mms_rows_into_a_used_batch_are_those_of_a_new_one(transport):
    rng = np.random.default_rng(11)
    samples, names = mms_samples(), [message.name for message in schema.MESSAGES]
    reused, kept = mms.Batch(), []
    for i in range(300):
        pick = rng.integers(0, len(samples), rng.integers(0, 40))
        data = changed(b"".join(samples[k] for k in pick), rng)
        new = mms.decode(data, transport=transport)
        mms.decode(data, transport=transport, out=reused)
        assert tables(reused) == tables(new)
        for name in names:
            assert len(new[name]) == len(new.rows(name)) == len(new.extents(name, "MID"))
            assert reused[name].tobytes() == new[name].tobytes()
        for row in new.messages["mid"].tolist()[:3]:
            if row in schema.BY_MID:
                check_extents(new, schema.BY_MID[row])
        if i % 3 == 0:  # its memory is not free to be used again
            kept.append((reused.messages, reused.messages.tobytes()))
    assert all(rows.tobytes() == before for rows, before in kept)


def check_extents(batch, message):
    """Every field of every such message lies in it, those that are absent too."""
    rows = batch.messages[batch.rows(message.name)]
    for field in [*message.fixed, *message.variable]:
        places = batch.extents(message.name, field.name)
        assert (places["length"] >= 0).all()
        assert (places["offset"] >= rows["offset"]).all()
        assert (places["offset"] + places["length"] <= rows["offset"] + rows["length"]).all()


@pytest.mark.parametrize("link", ["", "secondary", "chat", "primary", "legacy", "udp", "cache"])
def test_winmx_rows_into_a_used_batch_are_those_of_a_new_one(link):
    rng = np.random.default_rng(13)
    lists = bytes.fromhex("a1036000") + bytes(range(96))
    samples = [lists, lists * 70, b"\xa1\x03\x0d\0" + bytes(13), b"\x60\4\2\0ab", bytes(149)]
    reused = winmx.Batch()
    for i in range(300):
        pick = rng.integers(0, len(samples), rng.integers(0, 6))
        data = changed(b"".join(samples[k] for k in pick), rng)
        new = winmx.decode(data, link=link)
        winmx.decode(data, link=link, out=reused)
        assert len(new.nodes) == len(new.records)
        names = ("packets", "faults", "nodes", "records")
        for name in names[: i % 5]:  # what was asked for is gathered along by the next scan
            assert getattr(reused, name).tobytes() == getattr(new, name).tobytes(), name


@pytest.mark.parametrize("more", [-1, 0, 1, 5000])
def test_encoders_fill_a_buffer_of_any_size(more):
    batch = mms.decode(b"".join(mms_samples()))
    whole = mms.encode(batch)
    out = bytearray(b"\xa5" * (len(whole) + more))
    if more < 0:
        with pytest.raises(EncodeError):
            mms.encode(batch, out=out)
        return
    assert bytes(mms.encode(batch, out=out)) == whole
    assert bytes(out[len(whole) :]) == b"\xa5" * more
