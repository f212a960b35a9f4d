"""Bytes that judgements look at: at most a constant times the input, whatever a generator makes."""

import random

import pytest

import mmscodec
from mmscodec import mms
from tests.capture import recut
from tests.capture.tcp_play import START
from tests.capture.test_begun_elsewhere import capture_of, of_size
from tests.hostile.test_captures import NAMES, lied, packets_of, written
from tests.mms import sessions
from tests.mms.test_framing import DAMAGES, WAYS, units_of


def streams(damage):
    """A damaged stream of each way of playing behind each other, and the last of them alone."""
    every = [sessions.damaged(7, units_of(way, 7), damage).data for way in WAYS if way != "udp"]
    return b"".join(every), every[-1]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_of_damaged_sessions(damage):
    for stream in streams(damage):
        for chunk in (90, 1400):
            decoder = mms.Decoder()
            decoders = mms.Decoders()
            number = decoders.open()
            for at in range(0, len(stream), chunk):
                part = stream[at : at + chunk]
                decoder.feed(part)
                decoders.feed([number], [part])
            decoder.close()
            assert decoder._examined <= 80 * len(stream)
            assert decoders._examined <= 80 * len(stream)


@pytest.mark.parametrize("port", [1755, 9999])
@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_of_captures_of_damaged_sessions(damage, port):
    for stream in streams(damage):
        for size in (90, 1400):
            with mmscodec.open(capture_of(stream, port, of_size(size))) as capture:
                len(capture.data)
                assert capture._engine._examined <= 160 * len(stream)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(3))
def test_of_captures_whose_headers_lie(name, seed):
    rng = random.Random(seed)
    packets = [lied(rng, p) if rng.random() < 0.3 else p for p in packets_of(name)]
    raw = written(recut.retimed(packets, [START + i * 10**6 for i in range(len(packets))]))
    with mmscodec.open(raw, protocols=None) as capture:
        len(capture.data)
        assert capture._engine._examined <= 160 * len(raw)
