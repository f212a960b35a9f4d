"""Live WinMX: what is kept is bounded, and what is done grows with the input only, by counters."""

import pytest

import mmscodec
from mmscodec import winmx
from mmscodec.capture.live_winmx import LiveWinmx
from mmscodec.capture.tables import CaptureTables
from mmscodec.winmx import cipher
from mmscodec.winmx.cipher import Role
from tests.capture import build, recut
from tests.winmx.talks import ACK, SYN

BLOCK = cipher.key_block(Role.SECONDARY_SERVER, bytes(range(16)))
CLIENT_BLOCK = cipher.key_block(Role.SECONDARY_CLIENT, bytes(range(16)))


def segment(time, side, seq, flags, payload=b"", number=0):
    ends = [
        (f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}", 40000),
        ("10.255.0.1", 6699),
    ]
    (src, sport), (dst, dport) = ends[side], ends[1 - side]
    return recut.Packet(time, src, dst, 6, sport, dport, seq & 0xFFFFFFFF, 1, flags, payload)


def one(kind, segments):
    """One connection that cannot be deciphered any more, endless."""
    yield segment(0, 1, 0, SYN)
    yield segment(1, 1, 1, ACK, b"1" + BLOCK + bytes(13))
    start = {"gap": 200, "good": 31}[kind]
    for i in range(segments):
        yield segment(2 + i, 1, start + 4 * i, ACK, b"abcd")


def waiting(segments):
    """A client that talks for ever to a server that greets and says no more."""
    yield segment(0, 0, 0, SYN)
    yield segment(1, 1, 0, SYN | ACK)
    yield segment(2, 1, 1, ACK, b"1")
    yield segment(3, 0, 1, ACK, CLIENT_BLOCK)
    for i in range(segments):
        yield segment(4 + i, 0, 17 + 4 * i, ACK, b"abcd")


def many(connections):
    """Connections of which each begins a long frame."""
    for number in range(connections):
        time = number * 10
        yield segment(time, 1, 0, SYN, number=number)
        yield segment(time + 1, 1, 1, ACK, b"1" + BLOCK + bytes(30), number=number)


def run(monkeypatch, packets, max_flows=1 << 18, ceiling=None, rows=50):
    """What the live state did, and the most it held after a batch."""
    made = []
    begin = LiveWinmx.__init__

    def init(self, *args):
        begin(self, *args if ceiling is None else (ceiling,))
        made.append(self)

    raw = build.pcap(recut.ethernet(list(packets)), magic=build.NANO)
    most = talks = faults = 0
    with monkeypatch.context() as patch, mmscodec.open(raw, max_flows=max_flows) as capture:
        patch.setattr(LiveWinmx, "__init__", init)
        for batch in capture.iter_batches(rows=rows):
            assert isinstance(batch, CaptureTables)
            (state,) = made
            faults += len(batch.winmx.faults)
            kept = sum(
                talk.weight() for talk in {id(t): t for t in state.connections.values()}.values()
            )
            assert kept == state.held
            most, talks = max(most, state.held), max(talks, len(state.connections))
            for (
                talk
            ) in state.connections.values():  # behind a hole there is nothing to decipher with
                sides = [side for side in talk.conversation._sides if side.missing]
                assert not [side for side in sides if side.stream or side.decoder]
    assert state.held == 0
    assert not state.connections
    assert not state._waiting
    return state.work, most, talks, faults


@pytest.mark.parametrize("kind", ["gap", "good"])
def test_one_connection_with_a_lost_piece(kind, monkeypatch):
    work = {}
    for count in (500, 1000, 2000):
        done, most, talks, faults = run(monkeypatch, one(kind, count))
        work[count] = sum(done.values())
        assert most < 70_000
        assert talks <= 1
        assert faults == 1
        if kind == "gap":
            assert done["bytes"] < 100  # what is behind the hole is not read
            assert done["pieces"] <= 2  # nor walked piece by piece
    assert work[2000] - work[1000] <= 2.2 * (work[1000] - work[500])


def test_a_client_that_is_never_answered(monkeypatch):
    for count in (2000, 40_000):
        _, most, _, faults = run(monkeypatch, waiting(count), rows=500)
        assert most < 1 << 20
        assert faults == 1


def test_many_connections_that_yield_nothing(monkeypatch):
    work = {}
    for count in (200, 400, 800):
        done, most, talks, faults = run(monkeypatch, many(count), max_flows=100)
        work[count] = sum(done.values())
        assert most <= 60 * 110
        assert talks <= 220
        assert faults == count
    assert work[800] - work[400] <= 2.2 * (work[400] - work[200])


def test_one_ceiling_over_all_connections(monkeypatch):
    done, most, _, faults = run(monkeypatch, many(400), ceiling=1000)
    assert most <= 1000
    assert done["given up"] >= 300  # the last batch has connections that end in it
    assert faults == 400
    done, most, _, faults = run(monkeypatch, many(400))
    assert done["given up"] == 0
    assert most > 1000


def test_the_times_of_batches_are_looked_at_once(monkeypatch):
    done, *_ = run(monkeypatch, one("good", 3000), rows=20)
    assert done["times"] == 3001
    assert done["pieces"] <= 3001
    assert winmx.PACKETS
