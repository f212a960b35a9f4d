"""Senders, answers, intervals and histories of node lists, against what was said."""

import random

import numpy as np
import pytest

import mmscodec
from mmscodec import winmx
from mmscodec.winmx import cipher
from mmscodec.winmx.cipher import Stream
from tests.winmx import talks
from tests.winmx.talks import CLIENT, SERVER, Segment

STEP = 1_000_000  # ns between two segments of `talks.capture`


def nodes(first, slots):
    rows = np.zeros(8, winmx.RECORD_DTYPE)
    rows["ip"] = np.arange(8) + 0x0A000003
    rows["ip"][0] = first
    rows["udp_port"], rows["tcp_port"] = 6257, 6699
    rows["free_secondary_slots"] = slots
    return winmx.encode(rows)


def said(turns):
    """A secondary link on which these frames are said: (side, frame)."""
    blocks = [cipher.key_block(role, bytes(range(16))) for role in talks.LINKS["secondary"]]
    keys = cipher.stream_keys(blocks[SERVER])
    streams = [Stream(keys[1]), Stream(keys[0])]
    data = [blocks[CLIENT], b"1" + blocks[SERVER]]
    made = talks.Talk("secondary", [], [Segment(SERVER, 0, data[1]), Segment(CLIENT, 0, data[0])])
    for side, frame in turns:
        made.segments.append(Segment(side, len(data[side]), streams[side].encipher(frame)))
        data[side] += made.segments[-1].data
    made.streams = data
    return made


OWN, OTHER = 0x0A000002, 0x0A000009  # 10.0.0.2 is the server
BUSY = winmx.encode("QueueStatus", status_text="8995 5 in queue (0 of 3 available)")
FREE = winmx.encode("QueueStatus", status_text="9006 6 of 6 available")
TURNS = [
    (SERVER, nodes(OWN, 9)),
    (CLIENT, FREE),
    (SERVER, nodes(OTHER, 5)),
    (SERVER, nodes(OWN, 7)),
    (CLIENT, BUSY),
    (CLIENT, BUSY),
    (SERVER, nodes(OWN, 1)),
]
#: Times: two SYNs and the handshake stand before.
TIMES = [talks.START + STEP * (5 + i) for i in range(len(TURNS))]


def test_the_sender_of_every_list():
    with mmscodec.open(talks.capture(said(TURNS))) as capture:
        rows = capture.winmx.lists()
        assert rows["time"].tolist() == [TIMES[i] for i in (0, 2, 3, 6)]
        assert set(rows["sender"]) == {"10.0.0.2"}
        assert set(rows["sender_port"]) == {6699}
        assert rows["ip"].tolist() == [OWN, OTHER, OWN, OWN]
        assert rows["differs"].tolist() == [False, True, False, False]
        assert rows["records"].tolist() == [8] * 4
        packets = capture.winmx.packets[rows["packet"]]
        assert (packets["type"] == 0x03A1).all()


def test_lists_and_their_answers():
    with mmscodec.open(talks.capture(said(TURNS))) as capture:
        rows = capture.winmx.answers()
        assert (rows["answer"] >= 0).tolist() == [True, True, True, False]
        assert rows["delay"].tolist() == [STEP, 2 * STEP, 2 * STEP, -1]
        assert rows["number"].tolist() == [9006, 8995, 8995, -1]
        assert rows["queued"].tolist() == [0, 5, 5, -1]
        assert rows["known"].tolist() == [True, True, True, False]


def in_batches(raw, rows):
    """The answers of all batches, with packets of each for what stands in it."""
    waiting, parts = winmx.WaitingLists(), []
    with mmscodec.open(raw) as capture:
        for batch in capture.iter_batches(rows=rows):
            found = batch.winmx.answers(waiting)
            here = found["packet"] >= 0
            packets = batch.winmx.packets[found["packet"][here]]
            assert packets["offset"].tolist() == found["offset"][here].tolist()
            parts.append(found)
    assert len(waiting) == 0
    return np.concatenate(parts)


@pytest.mark.parametrize("rows", [1, 2, 3, 1000])
@pytest.mark.parametrize("seed", range(6))
def test_answers_of_batches_are_those_of_the_whole_capture(seed, rows):
    rng = random.Random(seed)
    turns = [
        (SERVER, nodes(OWN, 5)) if rng.random() < 0.6 else (CLIENT, rng.choice([FREE, BUSY]))
        for _ in range(rng.randrange(20, 60))
    ]
    raw = talks.capture(said(turns), fin=seed % 2 == 0)
    with mmscodec.open(raw) as capture:
        whole = capture.winmx.answers()
        assert len(whole) == sum(side == SERVER for side, _ in turns)
    found = in_batches(raw, rows)
    names = ["flow", "offset", "time", "delay", "number", "free", "max", "queued", "known"]
    assert sorted(found[names].tolist()) == sorted(whole[names].tolist())


def test_of_a_batch_alone_nobody_can_tell():
    with mmscodec.open(talks.capture(said(TURNS))) as capture:
        for batch in capture.iter_batches(rows=2):
            with pytest.raises(ValueError, match="WaitingLists"):
                batch.winmx.answers()
            with pytest.raises(ValueError, match="whole capture"):
                batch.winmx.intervals()


def test_lists_that_nobody_answers_do_not_pile_up(monkeypatch):
    monkeypatch.setattr(winmx.WaitingLists, "CEILING", 3)
    raw = talks.capture(said([(SERVER, nodes(OWN, 5))] * 40))
    waiting, most, decided = winmx.WaitingLists(), 0, 0
    with mmscodec.open(raw) as capture:
        for batch in capture.iter_batches(rows=4):
            decided += len(batch.winmx.answers(waiting))
            most = max(most, len(waiting))
    assert (most, decided, len(waiting)) == (3, 40, 0)


def test_intervals_and_silent_primaries():
    quiet = [(CLIENT, FREE)] * 40
    for turns, silent in ((TURNS, False), (TURNS + quiet, True), (quiet, True)):
        with mmscodec.open(talks.capture(said(turns))) as capture:
            (row,) = capture.winmx.intervals()
            assert row["sender"] == "10.0.0.2"
            assert bool(row["silent"]) is silent
            if turns is quiet:
                assert (row["lists"], row["first"], row["median"]) == (0, -1, -1)
                continue
            assert row["lists"] == 4
            assert (row["least"], row["median"], row["most"]) == (STEP, 2 * STEP, 3 * STEP)
            assert row["last"] == TIMES[6]
    with mmscodec.open(talks.capture(said(TURNS + quiet))) as capture:
        assert not capture.winmx.intervals(quiet=100.0)["silent"].any()


def test_the_history_of_all_nodes():
    with mmscodec.open(talks.capture(said(TURNS))) as capture:
        rows = capture.winmx.history()
        assert len(rows) == 8  # the other primary is an alternative too
        own = rows[rows["ip"] == OWN][0]
        assert own["sender"] == "10.0.0.2"
        assert (own["first"], own["last"], own["count"]) == (TIMES[0], TIMES[6], 3)
        assert [int(own[f"free_secondary_slots_{w}"]) for w in ("first", "last", "min", "max")] == [
            9, 1, 1, 9
        ]  # fmt: skip


def test_nothing_has_no_lists_and_batches_have_theirs():
    with mmscodec.open(talks.capture(talks.cache(1))) as capture:
        found = capture.winmx
        assert len(found.lists()) == len(found.answers()) == len(found.intervals()) == 0
        assert len(found.history()) == 10
    count = 0
    with mmscodec.open(talks.capture(said(TURNS))) as capture:
        for batch in capture.iter_batches(rows=3):
            count += len(batch.winmx.lists())
            batch.winmx.history()
    assert count == 4
