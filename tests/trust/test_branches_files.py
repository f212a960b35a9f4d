"""Captures in pieces where one file follows another, and copies of pieces that lie outside."""

import struct

import numpy as np
import pytest

from mmscodec.capture._copy import copy_pieces
from mmscodec.capture._record_reader import RecordReader
from tests.capture import build
from tests.capture.test_records import Pieces, codes, expected, frames_of, walk

ITEMS = build.frames(4)
PCAP = build.pcap(ITEMS, magic=build.NANO)
FILES = {
    "pcap": PCAP,
    "pcap of the other order": build.pcap(ITEMS, ">", magic=build.NANO),
    "pcapng": build.pcapng(ITEMS),
}


def doubtful(order="<"):
    """A record that is good if what follows is: its frame is empty."""
    return build.pcap_record((ITEMS[-1][0], b""), order, magic=build.NANO)


@pytest.mark.parametrize("step", [1, 2, 3, 5, 7, 11, 13, 16, 23, 24, 25, 64])
@pytest.mark.parametrize("behind", FILES)
def test_a_file_behind_a_doubtful_record_is_found_in_any_pieces(behind, step):
    data = PCAP + doubtful() + FILES[behind]
    walker, rows = walk(data)
    assert len(rows) == 9
    assert codes(walker) == []
    walker = RecordReader(Pieces(data, step))
    pieces = walker.rows()
    assert len(walker.faults) == 0
    for name in ("time", "caplen", "position"):
        assert pieces[name].tolist() == rows[name].tolist()


@pytest.mark.parametrize("step", [1, 2, 3, 5, 7, 11, 13, 16, 23, 24, 25, 64])
@pytest.mark.parametrize("behind", FILES)
def test_a_file_behind_damage_is_found_in_any_pieces(behind, step):
    data = PCAP + b"\xa5" * 33 + FILES[behind]
    walker, rows = walk(data)
    assert len(rows) == 8
    faults = walker.faults[["offset", "length", "code"]].tolist()
    assert [fault[:2] for fault in faults] == [(len(PCAP), 33)]
    walker = RecordReader(Pieces(data, step))
    assert walker.rows()["position"].tolist() == rows["position"].tolist()
    assert walker.faults[["offset", "length", "code"]].tolist() == faults


@pytest.mark.parametrize(
    ("position", "length"),
    [(99, 1), (0, 1), (100, -1), (100, 11), (110, 1), (111, 0), (2**63, 1), (2**64 - 1, 1),
     (100, 2**62), (104, 7)],
)  # fmt: skip
def test_a_piece_outside_of_its_source_is_refused_and_nothing_copied(position, length):
    source, out = bytes(range(10)), bytearray(30)
    good = np.array([100, 105, position], np.uint64), np.array([5, 5, length], np.int64)
    with pytest.raises(IndexError, match="outside"):
        copy_pieces(source, 100, *good, out)
    assert out == bytes(30)
    copy_pieces(source, 100, good[0][:2], good[1][:2], out)
    assert out[:11] == bytes(range(10)) + b"\0"


def test_a_copy_has_no_more_room_than_its_target():
    lengths = np.array([4, 4], np.int64)
    with pytest.raises(IndexError, match="outside"):
        copy_pieces(bytes(8), 0, np.array([0, 4], np.uint64), lengths, bytearray(7))


@pytest.mark.parametrize("over", [1, 4, 1000, 65531])
def test_an_option_longer_than_its_block_is_said_and_its_packet_kept(over):
    option = struct.pack("<HH", 1, 4 + over) + b"abcd"
    data = build.section() + build.interface() + build.enhanced(ITEMS[0], options=option)
    walker, rows = walk(data + build.enhanced(ITEMS[1]))
    assert frames_of(data + build.enhanced(ITEMS[1]), rows) == expected(ITEMS[:2])
    assert codes(walker) == ["BAD_BLOCK"]
