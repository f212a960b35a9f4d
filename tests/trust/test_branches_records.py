"""Blocks of pcapng at the edges: too short, options cut off, too many comments."""

import struct

import pytest

from mmscodec.capture._record_reader import RecordReader
from mmscodec.capture.mapped import MemorySource
from mmscodec.schema.faults import FaultCode
from tests.capture import build

ITEMS = build.frames(3)
ORDERS = ("<", ">")


def walk(data):
    walker = RecordReader(MemorySource(data))
    rows = walker.rows()
    return [FaultCode(code).name for code in walker.faults["code"].tolist()], rows, walker


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("kind", [1, 3, 2, 6])
def test_a_block_shorter_than_its_fixed_part_is_one_fault(kind, order):
    least = {1: 8, 3: 4, 2: 20, 6: 20}[kind]
    whole = build.pcapng(ITEMS, order)
    for size in range(0, least, 4):
        codes, rows, walker = walk(whole + build.block(kind, bytes(size), order) + whole)
        assert codes == ["BAD_BLOCK"]
        assert len(rows) == 6
        assert walker.faults["offset"].tolist() == [len(whole)]
        need = {1: 20, 3: 16, 2: 32, 6: 32}[kind]
        assert walker.faults["need"].tolist() == [need]
        assert walker.faults["have"].tolist() == [size + 12]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("size", [4, 8, 12])
def test_a_section_shorter_than_its_fixed_part_is_one_fault(size, order):
    whole = build.pcapng(ITEMS, order)
    body = struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1)[:size]
    codes, rows, walker = walk(whole + build.block(0x0A0D0D0A, body, order) + whole)
    assert codes == ["BAD_BLOCK"]
    assert walker.faults["need"].tolist() == [28]
    assert len(rows) == 6


@pytest.mark.parametrize("order", ORDERS)
def test_the_offset_of_an_interface_is_in_the_order_of_its_section(order):
    _, plain, _ = walk(build.pcapng(ITEMS, order))
    for offset in (-5, 1, 3600):
        _, rows, _ = walk(build.pcapng(ITEMS, order, tsoffset=offset))
        assert (rows["time"] - plain["time"]).tolist() == [offset * 10**9] * 3


@pytest.mark.parametrize("order", ORDERS)
def test_an_option_whose_padding_is_cut_off_is_the_last_one(order):
    # the value ends with the block, its padding is not there: the frame and the value count
    short = struct.pack(order + "HH", 1, 5) + b"hello"
    frame = (0, b"\1\2\3\4")
    body = struct.pack(order + "IIIII", 0, 0, 0, 4, 4) + frame[1] + short
    block = struct.pack(order + "II", 6, len(body) + 12) + body
    block += struct.pack(order + "I", len(body) + 12)
    data = build.section(order) + build.interface(order) + block
    codes, rows, _ = walk(data)
    assert len(block) % 4 != 0
    assert len(rows) in (0, 1)
    assert len(codes) == (1 - len(rows))


def test_comments_beyond_the_ceiling_are_counted_and_not_kept():
    comments = b"".join(build.option(1, b"x") for _ in range(8000))
    blocks = [build.enhanced(item, options=comments) for item in build.frames(12)]
    data = build.section() + build.interface() + b"".join(blocks)
    codes, rows, walker = walk(data)
    assert codes == []
    assert len(rows) == 12
    assert (len(walker.comments), walker.dropped_comments) == (1 << 16, 12 * 8000 - (1 << 16))
    assert all(comment[3] == "x" for comment in walker.comments[:5])
