"""The packet writer against a model in Python: any extents, any plan, no byte from elsewhere."""

import random

import numpy as np
import pytest

from mmscodec.asf._write import PacketWriter
from mmscodec.asf.plan import FILLER, PLAN
from mmscodec.capture.dtypes import EXTENTS
from tests.asf import make

ARENA = 1 << 63


def extents_of(pieces):
    out = np.zeros(len(pieces), EXTENTS)
    for row, (offset, place, length) in zip(out, pieces):
        row["offset"], row["place"], row["length"] = offset, place, length
    return out


def plan_of(rows):
    out = np.zeros(len(rows), PLAN)
    for row, (offset, length, source) in zip(out, rows):
        row["offset"], row["length"], row["source"] = offset, length, source
    return out


def filled(writer, plan, room=1000):
    out = bytearray()
    done = 0
    while done < len(plan):
        buffer = bytearray(room)
        count = writer.fill(plan, done, buffer)
        assert count > 0
        out += buffer[: count * writer.packet_size]
        done += count
    return bytes(out)


def world(chance):
    """Two buffers, and flows whose bytes lie in them in pieces, with holes."""
    buffers = [(1000, chance.randbytes(3000)), (ARENA, chance.randbytes(2000))]
    flows, models = [], []
    for _ in range(2):
        pieces, model, at = [], {}, 0
        for _ in range(40):
            at += chance.choice([0, 0, 0, chance.randrange(30)])  # a hole
            length = chance.randrange(1, 90)
            base, data = chance.choice(buffers)
            start = chance.randrange(len(data) - length)
            pieces.append((at, base + start, length))
            for i in range(length):
                model[at + i] = data[start + i]
            at += length
        flows.append(extents_of(pieces))
        models.append(model)
    return buffers, flows, models


@pytest.mark.parametrize("seed", range(30))
def test_packets_are_those_of_the_model(seed):
    chance = random.Random(seed)
    buffers, flows, models = world(chance)
    size = chance.choice([7, 40, 150])
    rows = [
        (chance.randrange(-20, 2200), chance.randrange(0, size + 1), chance.randrange(2))
        for _ in range(200)
    ]
    rows.sort(key=lambda row: row[0] if seed % 2 else chance.random())
    writer = PacketWriter(flows, buffers, size)
    got = filled(writer, plan_of(rows))
    torn = 0
    for i, (offset, length, source) in enumerate(rows):
        packet = got[i * size : (i + 1) * size]
        wanted = [models[source].get(at) for at in range(offset, offset + length)]
        if None in wanted:
            torn += 1
            assert packet == bytes(byte or 0 for byte in wanted).ljust(size, b"\0")
        else:
            assert packet == make.mended(bytes(wanted), size)[0]
    assert writer.counts[6] == torn
    assert sum(writer.counts) == len(rows)


def test_fillers_have_the_send_time_of_the_packet_before():
    packet = make.packet(5, 100, b"x" * 50, send=1234)
    writer = PacketWriter([extents_of([(0, 0, 100)])], [(0, packet)], 100)
    got = filled(writer, plan_of([(0, 100, 0), (0, 0, FILLER)]))
    assert got[:100] == packet
    assert int.from_bytes(got[107:111], "little") == 1234
    assert writer.counts == (1, 0, 0, 0, 0, 1, 0)
    assert (writer.first_send, writer.last_send, writer.last_end) == (1234, 1234, 1334)


@pytest.mark.parametrize("size", [1, 13, 14, 15, 70_000])
def test_fillers_fit_into_any_packet_size(size):
    writer = PacketWriter([], [], size)
    assert len(filled(writer, plan_of([(0, 0, FILLER)]), room=size)) == size


def test_places_outside_of_the_buffers_are_holes():
    pieces = [(0, 90, 20), (20, (1 << 64) - 5, 20), (40, 5, 20)]
    writer = PacketWriter([extents_of(pieces)], [(10, bytes(90))], 20)
    filled(writer, plan_of([(0, 20, 0), (20, 20, 0), (40, 20, 0)]))
    assert writer.counts[6] == 3


def test_plans_that_cannot_be_are_refused():
    writer = PacketWriter([extents_of([(0, 0, 10)])], [(0, bytes(10))], 10)
    with pytest.raises(ValueError, match="source 1"):
        writer.fill(plan_of([(0, 5, 1)]), 0, bytearray(100))
    with pytest.raises(ValueError, match="11 bytes"):
        writer.fill(plan_of([(0, 11, 0)]), 0, bytearray(100))
    with pytest.raises(IndexError):
        writer.fill(plan_of([]), 1, bytearray(100))
    with pytest.raises(TypeError):
        writer.fill(b"abc", 0, bytearray(100))
    with pytest.raises(BufferError):
        writer.fill(plan_of([(0, 5, 0)]), 0, b"read-only")
    with pytest.raises(ValueError, match="packet size"):
        PacketWriter([], [], 0)
