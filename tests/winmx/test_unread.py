"""What cannot be read has one fault with its whole length, however the capture is read."""

import io
import json
import random
from pathlib import Path

import numpy as np
import pytest

import mmscodec
from mmscodec import winmx
from mmscodec.capture import DIRECTIONS
from mmscodec.cli import main
from mmscodec.schema.faults import FaultCode
from mmscodec.winmx import cipher
from mmscodec.winmx.cipher import Role
from tests.winmx import talks
from tests.winmx.talks import CLIENT, HEADS, SERVER

CASES = Path(__file__).resolve().parents[1] / "captures" / "winmx" / "cases"
GAP, MISSING = FaultCode.CIPHER_BROKEN_BY_GAP, FaultCode.SERVER_KEY_BLOCK_MISSING
FAULTS = ("offset", "length", "code", "field", "need", "have", "time", "direction")


class Trickle:
    def __init__(self, data, size):
        self.data, self.size = data, size

    def read(self, size):
        out, self.data = self.data[: self.size], self.data[self.size :]
        return out


def faults_of(tables):
    return sorted(map(tuple, tables.winmx.faults[list(FAULTS)].tolist()))


def packets_of(tables):
    names = ["offset", "length", "type", "time", "direction"]
    return sorted(map(tuple, tables.winmx.packets[names].tolist()))


def everywhere(raw, sizes=(90, 1000)):
    """Packets and faults of a capture, which are the same in one piece and in batches."""
    with mmscodec.open(raw) as capture:
        packets, faults = packets_of(capture), faults_of(capture)
        mine = capture.faults[np.isin(capture.faults["code"], [1, 2, 3, *range(64, 96)])]
        assert len(mine) == len(faults)
        assert int(capture.flows["faults"].sum()) >= len(faults)
        totals = {
            int({v: k for k, v in DIRECTIONS.items()}[row["direction"]]): int(row["length"])
            for row in capture.flows
        }
        links = set(capture.winmx.links.values())
    for size in sizes:
        found = [[], []]
        seen = set()
        with mmscodec.open(Trickle(raw, size), spool=False) as capture:
            for batch in capture.iter_batches(rows=5):
                found[0] += packets_of(batch)
                found[1] += faults_of(batch)
                seen |= set(batch.winmx.links.values())
        assert sorted(found[0]) == packets
        assert sorted(found[1]) == faults
        assert links <= seen
    return packets, faults, totals


def assert_read(made, raw, told):
    """Every way gives the same rows, and they cover every byte."""
    packets, faults, totals = everywhere(raw)
    by_side = [[row for row in packets if row[4] == side + 1] for side in (CLIENT, SERVER)]
    lost = [[row for row in faults if row[7] == side + 1] for side in (CLIENT, SERVER)]
    assert [[row[:3] for row in rows] for rows in by_side] == told[0]
    assert [[row[:6] for row in rows] for rows in lost] == told[1]
    for side in (CLIENT, SERVER):
        total = totals.get(side + 1, 0)
        covered = sum(row[1] for row in by_side[side]) + sum(row[1] for row in lost[side])
        if total and not lost[side] and made.link != "cache":
            assert covered + HEADS[side] == total
        for row in lost[side]:
            assert row[0] + row[1] <= total
        if made.link != "cache":
            assert {row[:2] for row in by_side[side]} <= set(made.frames[side])
    return by_side, lost


@pytest.mark.parametrize("link", talks.LINKS)
@pytest.mark.parametrize("seed", range(4))
def test_a_whole_connection_has_no_faults(link, seed):
    made = talks.talk(seed, link, patched=seed % 2 == 1)
    rows, lost = assert_read(made, talks.capture(made), talks.conversation(made))
    assert not lost[CLIENT] + lost[SERVER]
    assert [[row[:2] for row in side] for side in rows] == made.frames


@pytest.mark.parametrize("link", talks.LINKS)
@pytest.mark.parametrize("seed", range(12))
def test_lost_segments(link, seed):
    made = talks.talk(seed, link)
    rng = random.Random(seed)
    behind = [s for s in made.segments if HEADS[s.side] <= s.offset]
    gone = rng.sample(behind, rng.randint(1, 3))
    if seed % 3 == 0:  # the last ones: the FIN says how much is missing
        gone = behind[-seed // 3 - 1 :]
    kept = [s for s in made.segments if s not in gone]
    rows, lost = assert_read(made, talks.capture(made, kept), talks.conversation(made, kept))
    for side in (CLIENT, SERVER):
        mine = [s for s in gone if s.side == side]
        if not mine:
            assert not lost[side]
            assert [row[:2] for row in rows[side]] == made.frames[side]
            continue
        first = min(s.offset for s in mine)
        whole = [pair for pair in made.frames[side] if sum(pair) <= first]
        assert [row[:2] for row in rows[side]] == whole
        ((at, length, code, _, need, have, *_),) = lost[side]
        assert code == GAP
        assert at == (sum(whole[-1]) if whole else HEADS[side])
        assert at + length == len(made.streams[side])
        assert need == sum(len(s.data) for s in mine)
        assert need + have == length


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("which", [0, 2, "both", "client"])
def test_a_handshake_that_lost_a_piece(seed, which):
    made = talks.talk(seed)
    gone = {0: [0], 2: [2], "both": [0, 2], "client": [1]}[which]
    kept = [s for i, s in enumerate(made.segments) if i not in gone]
    rows, lost = assert_read(made, talks.capture(made, kept), talks.conversation(made, kept))
    if which == "client":  # the server's block has the keys
        assert [row[:2] for row in rows[SERVER]] == made.frames[SERVER]
        assert [row[:3] for row in lost[CLIENT]] == [(0, len(made.streams[CLIENT]), GAP)]
        assert not lost[SERVER]
        return
    assert not rows[CLIENT] + rows[SERVER]
    greeted = 1 if 0 not in gone else 0
    assert [row[:3] for row in lost[CLIENT]] == [(16, len(made.streams[CLIENT]) - 16, MISSING)]
    expected = (greeted, len(made.streams[SERVER]) - greeted, MISSING)
    assert [row[:3] for row in lost[SERVER]] == [expected]


@pytest.mark.parametrize("seed", range(3))
def test_a_server_key_block_that_does_not_check(seed):
    made = talks.talk(seed, server_block=bytes(range(16)))
    rows, lost = assert_read(made, talks.capture(made), talks.conversation(made))
    assert not rows[CLIENT] + rows[SERVER]
    bad = FaultCode.BAD_KEY_BLOCK
    assert [row[:3] for row in lost[CLIENT]] == [(16, len(made.streams[CLIENT]) - 16, bad)]
    assert [row[:3] for row in lost[SERVER]] == [(1, len(made.streams[SERVER]) - 1, bad)]


@pytest.mark.parametrize("seed", range(3))
def test_a_client_key_block_that_does_not_check_keys_nothing(seed):
    made = talks.talk(seed, client_block=bytes(range(16)))
    rows, lost = assert_read(made, talks.capture(made), talks.conversation(made))
    assert [[row[:2] for row in side] for side in rows] == made.frames
    assert [row[:3] for row in lost[CLIENT]] == [(0, 16, FaultCode.BAD_KEY_BLOCK)]
    assert not lost[SERVER]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("side", [CLIENT, SERVER])
def test_one_side_alone(seed, side):
    made = talks.talk(seed, list(talks.LINKS)[seed % 3])
    raw = talks.capture(made, sides=(side,))
    rows, lost = assert_read(made, raw, talks.conversation(made, sides=(side,)))
    if side == SERVER:
        assert [row[:2] for row in rows[SERVER]] == made.frames[SERVER]
        assert not lost[SERVER]
    else:
        assert [row[:3] for row in lost[CLIENT]] == [(16, len(made.streams[CLIENT]) - 16, MISSING)]


@pytest.mark.parametrize("seed", range(6))
def test_a_connection_that_ends_inside_a_frame(seed):
    made = talks.talk(seed)
    rng = random.Random(seed)
    for side in (CLIENT, SERVER):
        at, length = rng.choice(made.frames[side])
        made.streams[side] = made.streams[side][: at + rng.randrange(1, length)]
    kept = []
    for s in made.segments:
        s.data = s.data[: max(len(made.streams[s.side]) - s.offset, 0)]
        kept += [s] if s.data else []
    made.segments = kept
    rows, lost = assert_read(made, talks.capture(made), talks.conversation(made))
    for side in (CLIENT, SERVER):
        end = sum(rows[side][-1][:2]) if rows[side] else HEADS[side]
        assert [row[:3] for row in lost[side]] == [
            (end, len(made.streams[side]) - end, FaultCode.TRUNCATED)
        ]


@pytest.mark.parametrize("length", [17, 20, 28, 29, 40, 41, 52, 53, 100, 136, 137, 148])
def test_a_cache_reply_that_was_cut(length):
    made = talks.cache(length, length)
    rows, lost = assert_read(made, talks.capture(made), talks.conversation(made))
    whole = max((length - 29) // 12, 0)
    end = 29 + 12 * whole if whole else 17
    assert [row[:2] for row in rows[SERVER]] == ([(0, end)] if whole else [])
    expected = [(end, length - end, FaultCode.TRUNCATED)] if length > end else []
    assert [row[:3] for row in lost[SERVER]] == expected
    with mmscodec.open(talks.capture(made)) as capture:
        full = winmx.decode(talks.cache(length).streams[SERVER], link="cache").records
        assert capture.winmx.links[int(capture.winmx.packets["flow"][0]) if whole else 0] == "cache"
        names = list(winmx.RECORD_DTYPE.names)
        assert capture.nodes[names].tolist() == full[:whole].tolist()
    alone = winmx.decode(made.streams[SERVER], link="cache")
    assert alone.records.tolist() == full[:whole].tolist()
    assert [row[:3] for row in alone.faults.tolist()] == expected


@pytest.mark.parametrize("more", [1, 149, 1000])
def test_surplus_bytes_behind_a_cache_reply(more):
    made = talks.cache(more, 149 + more)
    rows, lost = assert_read(made, talks.capture(made), talks.conversation(made))
    assert [row[:2] for row in rows[SERVER]] == [(0, 149)]
    assert [row[:3] for row in lost[SERVER]] == [(149, more, FaultCode.SURPLUS_BYTES)]
    alone = winmx.decode(made.streams[SERVER], link="cache")
    assert len(alone.packets) == 1
    assert [row[:3] for row in alone.faults.tolist()] == [(149, more, FaultCode.SURPLUS_BYTES)]


def test_a_hole_in_a_cache_reply():
    made = talks.cache(3, most=20)
    gone = next(s for s in made.segments if s.offset > 80)
    kept = [s for s in made.segments if s is not gone]
    rows, lost = assert_read(made, talks.capture(made, kept), talks.conversation(made, kept))
    whole = (gone.offset - 29) // 12
    assert [row[:2] for row in rows[SERVER]] == [(0, 29 + 12 * whole)]
    assert [row[:3] for row in lost[SERVER]] == [(29 + 12 * whole, 120 - 12 * whole, GAP)]


def test_what_clients_say_to_a_peer_cache():
    block = cipher.key_block(Role.SECONDARY_CLIENT, bytes(16))
    for client, expected in (
        (block, []),
        (block + b"abc", [(16, 3, FaultCode.SURPLUS_BYTES)]),
        (bytes(7), [(0, 7, FaultCode.SURPLUS_BYTES)]),
        (bytes(30), [(0, 30, FaultCode.SURPLUS_BYTES)]),
    ):
        made = talks.cache(4, client=client)
        rows, lost = assert_read(made, talks.capture(made), talks.conversation(made))
        assert len(rows[SERVER]) == 1
        assert [row[:3] for row in lost[CLIENT]] == expected


@pytest.mark.parametrize("link", talks.LINKS)
def test_a_whole_handshake_without_its_syn(link):
    for seed in range(6):
        made = talks.talk(seed, link, patched=seed % 2 == 1)
        raw = talks.capture(made, syn=False)
        rows, lost = assert_read(made, raw, talks.conversation(made))
        assert [[row[:2] for row in side] for side in rows] == made.frames
        assert not lost[CLIENT] + lost[SERVER]


# ---- the command line, and the captures that were reported


def run(capsys, *arguments):
    status = main(list(arguments))
    out, err = capsys.readouterr()
    return status, out, err


def test_the_command_line_says_it_in_words_in_json_and_by_its_status(tmp_path, capsys):
    made = talks.talk(1)
    for name, raw, words in (
        ("client", talks.capture(made, sides=(CLIENT,)), "server key block missing"),
        ("lost", talks.capture(made, made.segments[:6] + made.segments[7:]), "broken by gap"),
        ("cut", talks.capture(talks.cache(1, 100)), "truncated"),
        ("more", talks.capture(talks.cache(1, 170)), "surplus bytes"),
        ("block", talks.capture(talks.talk(1, server_block=bytes(16))), "bad key block"),
    ):
        path = tmp_path / f"{name}.pcap"
        path.write_bytes(raw)
        status, out, err = run(capsys, "decode", "--json", str(path))
        assert status == 3
        assert words in err
        assert "no MMS or WinMX traffic" not in err
        texts = [json.loads(line) for line in out.splitlines()]
        assert any(row["type"] == "fault" and words in json.dumps(row) for row in texts)
        assert main(["stats", str(path)]) == 3
        capsys.readouterr()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("winmx-cache-cut", [(89, 11, FaultCode.TRUNCATED)]),
        ("winmx-lost-segment", [(955, 5, FaultCode.BAD_LENGTH), (1511, 1306, GAP)]),
        ("winmx-client-only", [(16, 834, MISSING)]),
    ],
)
def test_reported_captures(name, expected, capsys):
    raw = (CASES / f"{name}.pcap").read_bytes()
    packets, faults, _ = everywhere(raw)
    if name == "winmx-cache-cut":
        assert [row[:2] for row in packets] == [(0, 89)]
        with mmscodec.open(io.BytesIO(raw)) as capture:
            assert len(capture.nodes) == 5
    elif name == "winmx-client-only":
        assert packets == []
    assert [row[:3] for row in faults if row[2] != FaultCode.TRUNCATED or len(faults) == 1] == \
        expected  # fmt: skip
    status, out, err = run(capsys, "decode", str(CASES / f"{name}.pcap"))
    assert status == 3
    assert "fault" in out
    assert "no MMS or WinMX traffic" not in err
