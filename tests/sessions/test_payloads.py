"""Payloads that are read together are those that are read one by one."""

from pathlib import Path

import numpy as np
import pytest

import mmscodec
from mmscodec.capture import _extents, dtypes
from mmscodec.errors import CaptureError
from mmscodec.sessions.payloads import Payloads

CAPTURES = Path(__file__).resolve().parent.parent / "captures"
CHOSEN = ("mms/ffmpeg_tcp.pcap", "mms/vlc_udp.pcap", "own/own_lost_middle.pcap")


@pytest.mark.parametrize("name", CHOSEN)
def test_bytes_are_those_of_each(name):
    with mmscodec.open(CAPTURES / name) as cap:
        assert len(cap.data)
        payloads = Payloads(cap)
        rows = np.arange(len(cap.data))[::-1]
        right = b"".join(bytes(cap.payload(int(row))) for row in rows)
        assert payloads.read(rows).tobytes() == right
        assert payloads.lengths[rows].sum() == len(right)
        assert payloads.read(rows[:0]).tobytes() == b""


def test_bytes_that_are_not_there_any_more_are_said_to_be(monkeypatch):
    def changed(flows):
        raise CaptureError("changed while it was read")

    with mmscodec.open(CAPTURES / CHOSEN[0]) as cap:
        monkeypatch.setattr(cap, "_places", changed)
        payloads = Payloads(cap)
        assert not payloads.kept
        assert (payloads.send_times() == -1).all()
        assert cap.sessions["preroll"].tolist() == [-1]


@pytest.mark.parametrize("name", CHOSEN)
def test_extents_of_all_flows_are_those_of_each(name):
    with mmscodec.open(CAPTURES / name) as cap:
        assert len(cap.data)
        table = cap._blocks["extents"]
        lasts = [0, *cap._raw_flows["extent"].tolist(), 0]
        found, bounds = _extents.collect_all(table, np.array(lasts, np.uint32))
        rows = found.array(dtypes.EXTENTS)
        assert len(rows) == bounds[-1] > 0
        for last, low, high in zip(lasts, bounds, bounds[1:], strict=False):
            one = _extents.collect(table, last).array(dtypes.EXTENTS)
            assert one.tolist() == rows[low:high].tolist()


def test_extents_in_no_order_are_refused():
    with mmscodec.open(CAPTURES / CHOSEN[0]) as cap:
        table = cap._blocks["extents"]
        table.array(dtypes.EXTENTS)["before"][0] = 1
        with pytest.raises(ValueError, match="not the extents of flows"):
            _extents.collect_all(table, np.array([0, 1], np.uint32))
        with pytest.raises(ValueError, match="not the extents of flows"):
            _extents.collect(table, 1)
