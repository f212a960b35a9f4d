"""Times and senders of packets go along packets, whatever the shape happens to be."""

import numpy as np
import pytest

from mmscodec import winmx
from tests.winmx import vectors as v


def lists(count, records=8):
    """Lists of which record `r` of packet `p` has the address 1000 * r + 1: nodes recur."""
    out = np.zeros((count, records), winmx.RECORD_DTYPE)
    out["ip"] = np.arange(records) * 1000 + 1
    out["free_secondary_slots"] = np.arange(count)[:, None]
    return out


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 64])
@pytest.mark.parametrize("records", [1, 7, 8])
def test_one_time_a_packet_goes_along_packets(count, records):
    nodes, time = lists(count, records), np.arange(count) * 10 + 5
    for given in (time, time[:, None], np.repeat(time[:, None], records, 1)):
        seen = winmx.unique_nodes(nodes, given)
        assert seen["first"].tolist() == [5] * records
        assert seen["last"].tolist() == [10 * count - 5] * records
        slots = winmx.slots_over_time(nodes, 1, time=given)
        assert slots["time"].tolist() == time.tolist()
        assert slots["free_secondary_slots"].tolist() == list(range(count))
        history = winmx.node_history(nodes, sender=given, time=given)
        assert len(history) == count * records
        assert (history["sender"] == history["first"]).all()


@pytest.mark.parametrize("shape", [(7,), (9,), (8, 7), (1, 8, 8), (0,)])
def test_other_shapes_are_refused(shape):
    nodes, time = lists(8), np.zeros(shape)
    with pytest.raises(ValueError, match="neither one for each"):
        winmx.unique_nodes(nodes, time)
    with pytest.raises(ValueError, match="neither one for each"):
        winmx.node_history(nodes, time=time)
    with pytest.raises(ValueError, match="sender of shape"):
        winmx.node_history(nodes, sender=time)
    with pytest.raises(ValueError, match="neither one for each"):
        winmx.slots_over_time(nodes, 1, time=time)


def test_one_time_a_packet_of_rows_of_a_table():
    nodes = winmx.decode(v.NODE_LIST + v.ACKNOWLEDGED + v.NODE_LIST).nodes
    by_packet = winmx.unique_nodes(nodes, np.array([10, 20, 30]))
    assert by_packet["first"].tolist() == [10] * 8
    assert by_packet["last"].tolist() == [30] * 8
    assert winmx.unique_nodes(nodes, np.repeat([10, 30], 8)).tolist() == by_packet.tolist()
    assert winmx.unique_nodes(nodes, 7)["last"].tolist() == [7] * 8
    with pytest.raises(ValueError, match="neither one"):
        winmx.unique_nodes(nodes, np.array([10, 20]))
