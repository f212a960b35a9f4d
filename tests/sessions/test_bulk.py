"""Tables made over all sessions at once equal those made session by session by the oracles."""

import random

import numpy as np
import pytest

from mmscodec.schema import mms
from mmscodec.schema.dtypes import ROWS
from mmscodec.sessions import TEXTS, Sessions
from mmscodec.sessions.control import Control
from mmscodec.sessions.session_flows import find
from mmscodec.sessions.states import events_of
from tests.oracle.session_pairs import pair, rows_of
from tests.oracle.session_states import Playback, transitions
from tests.sessions.kinds import ASF, KINDS, begun
from tests.sessions.play import Play, capture

#: Kinds of messages that a session of chance consists of; those of pairs come often.
MESSAGES = {message.name: message for message in mms.MESSAGES}
HOST = bytes([10, 0, 0, 1])
SOME = {"utf16": "text", "bytes": b"text", "array": [(0xFFFF, 1, 0)]}
NAMES = [name for name in MESSAGES if name != "LinkViewerToMacLogging"]


def by_object(cap):
    """Exchanges without their Data, and transitions, made of the messages of one session each."""
    exchanges, moves = [], []
    for index in range(len(cap.sessions)):
        session = cap.session(index)
        ends, facts, data = session.ends, session.facts, cap.data
        exchanges += rows_of(session.index, pair(ends.messages))
        events = events_of(session.entries, data).tolist()
        ended = cap._sessions._disconnected(ends)
        moves += transitions(
            session.index, ends.messages, [(time, row) for time, row, tag in events if tag < 0],
            playbacks=[Playback(tag, time, row) for time, row, tag in events if tag >= 0],
            server_major=facts.server_major, attributes=facts.attributes,
            udp=len(ends.udp) > 0, ended=ended,
        )  # fmt: skip
    return exchanges, moves


def assert_same(cap):
    exchanges, moves = by_object(cap)
    without = list(cap.exchanges.dtype.names[:-2])
    assert cap.exchanges[without].tolist() == [tuple(row[:-2]) for row in exchanges]
    assert cap.transitions.tolist() == moves
    same_both_ways(cap)
    return len(exchanges), len(moves)


def same_both_ways(cap):
    """Every column and text of sessions that are worked out together is that of the objects."""
    together, apart = Sessions(cap), Sessions(cap, apart=True)
    assert not apart.plain.any()
    for name in ("table", "exchanges", "transitions"):
        one, other = getattr(together, name), getattr(apart, name)
        assert one.dtype == other.dtype
        assert len(one) == len(other)
        for column in one.dtype.names:
            np.testing.assert_array_equal(one[column], other[column], f"{name}.{column}")
    for text in TEXTS:
        assert together.column(text).tolist() == apart.column(text).tolist()


def in_causal_order(cap):
    """Messages of each session by time, those of a flow never against the order of its stream."""
    found = find(cap, control := Control(cap))
    for ends, low, high in zip(found.ends, found.bounds, found.bounds[1:]):
        rows = control.in_order(ends.parts)
        assert found.order[low:high].tolist() == rows.tolist()
        for part in ends.parts:
            assert rows[np.isin(rows, part)].tolist() == part.tolist()
        assert len(rows) == sum(map(len, ends.parts))


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_kind_of_session(tmp_path, kind):
    cap = capture(tmp_path, *KINDS[kind]().plays)
    assert assert_same(cap) > (0, 0)
    in_causal_order(cap)


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("way", ["begun in the middle", "cut", "lossy", "client", "server"])
def test_every_kind_captured_in_part(tmp_path, kind, way):
    plays = KINDS[kind]().plays
    total = sum(len(play.frames) for play in plays)
    chance = random.Random(f"{kind} {way}")
    lost = {i for i in range(total) if chance.random() < 0.2}
    keep = {
        "begun in the middle": lambda i, frame: i > total // 3,
        "cut": lambda i, frame: i < total // 2,
        "lossy": lambda i, frame: i not in lost,
        "client": lambda i, frame: frame[0] == "c",
        "server": lambda i, frame: frame[0] == "s",
    }[way]
    cap = capture(tmp_path, *plays, keep=keep)
    assert_same(cap)
    in_causal_order(cap)


def nonsense(chance, play):
    """Messages of any kind in any order, with few identifiers, so that many of them meet."""
    name = chance.choice(NAMES + [n for n in NAMES if "End" in n or "Stop" in n or "Ping" in n] * 4)
    incarnation = chance.choice([1, 2, 3, 0xF0F0F0F0, 0xF0F0F0F1, 0x101])
    known = {
        "play_incarnation": incarnation, "dw_tcp_hdr_incarnation": incarnation,
        "cookie": chance.randrange(3), "server_version_info": "4.1.0.3930",
        "file_attributes": chance.choice([0, 0x02000000]),
        "hr": chance.choice([0, 0, 0, 1, 0x80070005]),
    }  # fmt: skip
    for field in MESSAGES[name].variable:
        known.setdefault(field.python_name, SOME[field.kind])
    there = {field.python_name for field in MESSAGES[name].fields}
    play.say(name, **{key: value for key, value in known.items() if key in there})
    if chance.random() < 0.2:
        play.data(chance.randrange(4), bytes(40), incarnation & 0xFF, chance.choice([0, 8, 12]))
    if chance.random() < 0.1:
        play.clock -= chance.randrange(20)  # clocks jump


@pytest.mark.parametrize("seed", range(40))
def test_sessions_of_chance(tmp_path, seed):
    chance = random.Random(seed)
    plays = []
    for port in range(chance.randrange(1, 4)):
        play = Play(port=40_000 + port).open()
        for _ in range(chance.randrange(1, 120)):
            nonsense(chance, play)
        plays.append(play.close() if chance.random() < 0.5 else play)
    cap = capture(tmp_path, *plays)
    assert assert_same(cap) > (0, 0)
    in_causal_order(cap)


def test_more_requests_than_may_wait(tmp_path):
    play = Play().open()
    for number in range(200):
        play.say("LinkViewerToMacReadBlock", open_file_id=5, play_incarnation=number)
    for number in range(200):
        play.say("LinkMacToViewerReportReadBlock", play_incarnation=number)
    cap = capture(tmp_path, play)
    assert assert_same(cap) == (200 + 136, 0)
    assert cap.sessions["unanswered"].tolist() == [136]


def test_sessions_that_are_plain_are_worked_out_together(tmp_path):
    found = {name: capture(tmp_path, *KINDS[name]().plays)._sessions.plain for name in KINDS}
    assert sum(bool(plain.all()) for plain in found.values()) >= len(KINDS) // 3, found
    assert not found["whole udp"].any()


def test_many_sessions_of_all_kinds_in_one_capture(tmp_path):
    plays = [play for kind in KINDS.values() for play in kind().plays]
    for number, play in enumerate(plays):  # each client has an address of its own
        other = bytes([10, 1, number, 1])
        play.frames = [
            (
                ms + number * 500,
                who,
                kind,
                frame[:26] + frame[26:34].replace(HOST, other) + frame[34:],
            )
            for ms, who, kind, frame in play.frames
        ]
    cap = capture(tmp_path, *plays)
    assert assert_same(cap) > (100, 100)
    assert 0 < cap._sessions.plain.sum() < len(cap.sessions)


@pytest.mark.parametrize("received", [0, 12_345, 1 << 62, (1 << 64) - 1])
def test_what_a_client_logs_last(tmp_path, received):
    log = np.zeros((), ROWS["LinkViewerToMacLogging"]["log"])
    play = begun().start().packets(ASF, range(20))
    for number in (7, received):
        log["info"]["qw_bytes_received"] = number
        play.say("LinkViewerToMacLogging", log=log[()])
    cap = capture(tmp_path, play.close_file().close())
    assert_same(cap)
    assert cap._sessions.plain.tolist() == [True]
    assert cap.sessions["log_bytes"].tolist() == [min(received, (1 << 63) - 1)]
    assert cap.session(0).log["qw_bytes_received"] == received
