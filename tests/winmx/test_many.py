"""Frames of many connections cut where it is awkward, too large to keep, and lost to Ctrl-C."""

import numpy as np
import pytest

from mmscodec import mms, winmx
from mmscodec.schema.faults import FaultCode
from tests.hostile.test_ctrl_c import heard, interrupted
from tests.winmx import vectors as v

__all__ = ["heard"]  # the fixture that makes SIGINT raise
FRAME = v.BROWSE_REQUEST
LARGE = b"\x02\x00\xff\xff" + bytes(range(1, 256)) * 257  # the longest frame
PING = mms.encode("LinkMacToViewerPing")


@pytest.mark.parametrize("cut", range(1, len(FRAME)))
def test_a_chunk_may_end_with_the_frame_that_it_goes_on_with(cut):
    decoders = winmx.Decoders()
    number = decoders.open()
    assert len(decoders.feed([number], [FRAME[:cut]]).packets) == 0
    assert decoders.buffered(number) == cut
    batch = decoders.feed([number], [FRAME[cut:]])
    assert batch.packets["offset"].tolist() == [0]
    assert decoders.buffered(number) == 0
    assert len(batch.faults) == len(decoders.close(number).faults) == 0


@pytest.mark.parametrize("rest", [b"", b"\x02", FRAME, FRAME + b"\x02\x00"])
def test_a_chunk_may_go_on_behind_the_frame_that_it_ends(rest):
    decoders = winmx.Decoders()
    number = decoders.open()
    decoders.feed([number], [FRAME[:5]])
    batch = decoders.feed([number], [FRAME[5:] + rest])
    assert len(batch.packets) == 1 + (len(rest) >= len(FRAME))
    assert decoders.buffered(number) == len(rest) % len(FRAME)


@pytest.mark.parametrize("count", [1, 40])
def test_memory_of_long_tails_is_not_kept(count):
    decoders = winmx.Decoders()
    numbers = [decoders.open() for _ in range(count)]
    decoders.feed(numbers, [LARGE[:-1]] * count)
    assert [decoders.buffered(number) for number in numbers] == [len(LARGE) - 1] * count
    batch = decoders.feed(numbers, [LARGE[-1:]] * count)
    assert batch.packets[["flow", "length"]].tolist() == [(n, len(LARGE)) for n in numbers]
    assert batch.payload(count - 1) == LARGE[4:]
    # shorter tails are kept, up to a ceiling of all
    decoders.feed(numbers, [LARGE[:40000]] * count)
    batch = decoders.feed(numbers, [LARGE[40000:]] * count)
    assert batch.packets[["flow", "length"]].tolist() == [(n, len(LARGE)) for n in numbers]
    assert all(len(decoders.close(number).faults) == 0 for number in numbers)


@pytest.mark.parametrize(("module", "unit"), [(mms, PING), (winmx, FRAME)])
def test_many_chunks_of_streams_that_are_gone(module, unit):
    decoders = module.Decoders(max_streams=1)
    old, new = decoders.open(), decoders.open()
    batch = decoders.feed([old, new] * 10, [unit] * 20)
    assert batch.packets["flow"].tolist() == [new] * 10
    dropped = batch.faults[batch.faults["offset"] == -1]
    assert dropped[["flow", "length"]].tolist() == [(old, len(unit))] * 10


def lost(decoders, *arguments):
    """Feed so that Ctrl-C comes in the midst."""
    return interrupted(decoders._feed_rows, *arguments, None, [None] * 4)


def test_winmx_decoders_go_on_behind_ctrl_c():
    decoders = winmx.Decoders(max_streams=3)
    gone = decoders.open()
    one, other, idle = (decoders.open() for _ in range(3))
    size = 40 << 20
    zeros = bytes(size)  # frames of four bytes
    assert lost(decoders, [one, gone, other, other], [zeros, FRAME, FRAME, FRAME])
    # what was not scanned is a gap of its stream, and no frame is known to begin behind it
    batch = decoders.feed([idle, one, other], [FRAME, FRAME, FRAME[:3]])
    scanned = int((batch.packets["flow"] == one).sum()) * 4
    assert batch.packets["flow"].tolist() == [one] * (scanned // 4) + [idle]
    gaps = batch.faults[batch.faults["code"] == FaultCode.GAP]
    assert gaps[["flow", "offset", "length"]].tolist() == [
        (one, scanned, size - scanned), (other, 0, len(FRAME)),
    ]  # fmt: skip
    for number, unread in ((one, len(FRAME)), (other, len(FRAME) + 3), (idle, 0)):
        rows = decoders.close(number).faults
        assert rows["code"].tolist() == [FaultCode.GAP] * bool(unread)
        assert rows["length"].tolist() == [unread] * bool(unread)


def test_mms_decoders_lose_what_stands_behind_ctrl_c():
    decoders = mms.Decoders(max_streams=2)
    gone = decoders.open()
    one, other = decoders.open(), decoders.open()
    noise = np.random.default_rng(13).bytes(40 << 20)
    arguments = [one, gone, other, other], [noise, PING, b"", PING], None, [None] * 5
    assert interrupted(decoders._feed_rows, *arguments)
    batch = decoders.feed([other], [PING])
    assert batch.messages["flow"].tolist() == [other]
    assert batch.messages["packet"].tolist() == [0]
    assert batch.packets["offset"].tolist() == [len(PING)]
