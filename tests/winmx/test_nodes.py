import ipaddress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmscodec import winmx
from tests.winmx import vectors as v


@given(st.lists(st.integers(0, 2**32 - 1), max_size=30))
def test_addresses_are_those_of_ipaddress(numbers):
    array = np.array(numbers, ">u4")
    expected = [ipaddress.IPv4Address(number) for number in numbers]
    assert winmx.addresses(array).tolist() == [str(address) for address in expected]
    assert winmx.ip_objects(array).tolist() == expected


def test_addresses_keep_the_shape():
    lists = winmx.node_lists(v.NODE_LIST * 3)
    assert winmx.addresses(lists).shape == winmx.ip_objects(lists).shape == (3, 8)
    assert winmx.addresses(lists[0, 7]) == "192.0.2.17"


def test_unique_nodes_say_when_they_were_seen():
    batch = winmx.decode(v.NODE_LIST * 3)
    time = np.repeat([10, 20, 30], 8)
    seen = winmx.unique_nodes(batch.nodes, time)
    assert seen["count"].tolist() == [3] * 8
    assert seen["first"].tolist() == [10] * 8
    assert seen["last"].tolist() == [30] * 8
    assert winmx.addresses(seen)[0] == "192.0.2.10"
    by_packet = winmx.unique_nodes(winmx.node_lists(v.NODE_LIST * 3), np.array([[1], [2], [3]]))
    assert by_packet["last"].tolist() == [3] * 8
    assert winmx.unique_nodes(batch.nodes)["last"].tolist() == list(range(16, 24))
    assert len(winmx.unique_nodes(batch.nodes[:0])) == 0


def test_nodes_that_differ_in_a_port_are_two():
    nodes = winmx.decode(v.NODE_LIST).records[:2].copy()
    nodes["ip"] = 1
    assert len(winmx.unique_nodes(nodes)) == 2
    nodes[1] = nodes[0]
    nodes["x"] = [0, 1]
    assert len(winmx.unique_nodes(nodes)) == 1


def test_slots_over_time():
    nodes = winmx.decode(v.NODE_LIST * 2).nodes
    slots = winmx.slots_over_time(nodes, "192.0.2.11", time=np.repeat([200, 100], 8))
    assert slots.tolist() == [(100, 7, 90), (200, 7, 90)]
    assert len(winmx.slots_over_time(nodes, "192.0.2.11", tcp_port=1)) == 0
    assert len(winmx.slots_over_time(nodes, "192.0.2.11", tcp_port=6700)) == 2


@pytest.mark.parametrize(
    ("lists", "answers", "pairs"),
    [
        ([], [], []),
        ([1], [], [-1]),
        ([], [1], []),
        ([1, 3, 5], [2, 4, 6], [0, 1, 2]),
        ([1, 2, 5], [3, 4, 6], [0, 1, 2]),
        ([1, 2, 3], [4], [0, -1, -1]),
        ([5], [1, 2, 6, 7], [2]),
        ([1, 10], [2, 3, 4, 11], [0, 3]),
        ([1], [1], [-1]),
    ],
)
def test_each_answer_belongs_to_one_list_before_it(lists, answers, pairs):
    assert winmx.pair_answers(lists, answers).tolist() == pairs


@given(st.lists(st.integers(0, 50)), st.lists(st.integers(0, 50)))
def test_pairs_are_those_of_a_queue(lists, answers):
    lists, answers = sorted(lists), sorted(answers)
    expected, at = [], 0
    for moment in lists:
        while at < len(answers) and answers[at] <= moment:
            at += 1
        expected.append(at if at < len(answers) else -1)
        at += at < len(answers)
    assert winmx.pair_answers(lists, answers).tolist() == expected
