"""The order of the packets in a file."""

import numpy as np
import pytest

from mmscodec.asf.plan import FILLER, plan_packets
from mmscodec.errors import LimitError


def plan(locations, lengths=None, **options):
    n = len(locations)
    lengths = [100] * n if lengths is None else lengths
    return plan_packets(
        np.array(locations, "<u4"), np.arange(n) * 1000, np.array(lengths), np.zeros(n, int),
        packet_size=100, **options,
    )  # fmt: skip


def test_packets_stand_by_location_and_the_first_copy_counts():
    found = plan([2, 0, 1, 2, 0])
    assert found.locations.tolist() == [0, 1, 2]
    assert found.rows["offset"].tolist() == [1000, 2000, 0]
    assert found.copies.tolist() == [[3, 0], [4, 1]]
    assert found.missing_packets == 0


def test_packets_of_one_place_are_named_for_their_bytes_to_be_compared():
    assert plan([0, 1, 1], [100, 100, 90]).copies.tolist() == [[2, 1]]


def test_numbers_that_begin_again_are_kept_in_the_order_of_arrival():
    found = plan([7, 8, 10, 0, 2], epoch=np.array([0, 0, 0, 1, 1]))
    assert found.in_order_of_arrival
    assert found.locations.tolist() == [7, 8, 10, 0, 2]
    assert found.missing.tolist() == [[9, 1], [1, 1]]
    filled = plan([7, 8, 10, 0, 2], epoch=np.array([0, 0, 0, 1, 1]), max_fill=1 << 30)
    assert filled.locations.tolist() == [7, 8, 9, 10, 0, 1, 2]


def test_holes_are_named_from_the_start_of_the_file():
    assert plan([3, 4, 8]).missing.tolist() == [[0, 3], [5, 3]]


def test_a_live_file_starts_with_its_first_packet():
    assert plan([1003, 1004, 1008], base=None).missing.tolist() == [[1005, 3]]


def test_holes_are_filled_when_that_is_asked_for():
    found = plan([1, 3], max_fill=1 << 30)
    assert found.rows["source"].tolist() == [FILLER, 0, FILLER, 0]
    assert found.locations.tolist() == [0, 1, 2, 3]


def test_fillers_have_a_limit():
    with pytest.raises(LimitError, match="max_fill"):
        plan([0, 0xFFFFFFFF], max_fill=1 << 30)


def test_packets_that_cannot_be_are_left_out_and_counted():
    found = plan([0, 1, 2, 3], [101, 0, -3, 100])
    assert found.locations.tolist() == [3]
    assert (found.too_long, found.empty) == (1, 2)


def test_locations_that_only_repeat_are_no_places():
    found = plan([7, 7, 7, 7])
    assert found.in_order_of_arrival
    assert found.rows["offset"].tolist() == [0, 1000, 2000, 3000]


def test_nothing_is_a_plan_too():
    assert len(plan([]).rows) == 0
