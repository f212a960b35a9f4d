"""Segments that few senders send: what is delivered of them, where a connection ends and begins."""

import random
from dataclasses import replace

import pytest

from tests.bindings.reassembler import Reassembler
from tests.capture import build, connection_play
from tests.capture.connection_play import Item
from tests.capture.tcp_play import ACK, FIN, SYN, Connection, Segment
from tests.capture.test_connection_oracle import kernels, oracle

FORMS = ("plain", "unspooled")
GOOD, BAD = 1, 2  # checksum_t of the kernel
FAR = 100 << 20


def begun():
    r = Reassembler()
    assert r.push(99, flags=SYN) == []
    return r


def kinds(runs):
    return [
        (kind, offset, len(value) if kind != "gap" else value) for kind, offset, value, _ in runs
    ]


@pytest.mark.parametrize("again", [99, 98, 4000])
def test_a_syn_that_comes_again_changes_nothing(again):
    r = begun()
    assert r.push(again, flags=SYN) == []
    assert kinds(r.push(100, b"abc")) == [("data", 0, 3)]
    assert kinds(r.push(103, b"de")) == [("data", 3, 2)]


@pytest.mark.parametrize("have", [0, 20, 50])
def test_a_stream_that_jumps_to_segments_of_which_a_part_was_captured(have):
    r = begun()
    assert kinds(r.push(100, b"a" * 10)) == [("data", 0, 10)]
    assert r.push(110 + FAR, b"x" * have, wire_len=50) == []
    assert r.push(160 + FAR, b"y" * have, wire_len=50) == []
    runs = kinds(r.push(210 + FAR, b"z" * have, wire_len=50))
    runs += kinds(r.push(260 + FAR, b"end")) + kinds(r.finish())
    want, at = [("gap", 10, FAR)], 10 + FAR
    for _ in range(3):
        want += [("data", at, have)] * bool(have)
        want += [("gap", at + have, 50 - have)] * (have < 50)
        at += 50
    assert runs == [*want, ("data", at, 3)]


def test_an_acknowledgment_of_a_fin_alone_delivers_nothing():
    r = Reassembler()
    assert r.push(100, flags=FIN | ACK) == []
    for _ in range(40):
        assert r.ack(101) == []
    assert r.finish() == []


@pytest.mark.parametrize("claimed", [0, 1, 50])
@pytest.mark.parametrize("cut", [0, 10, 60])
def test_what_a_damaged_piece_claimed_is_kept_when_it_is_put_right(claimed, cut):
    """Bytes behind it were on the wire and not captured; a good copy of its end does not say so."""
    r = begun()
    good = bytes(range(100))
    assert r.push(200, good[:-1] + b"!", checksum=BAD) == []
    assert r.push(300, b"", wire_len=claimed) == []
    assert r.push(200 + cut, good[cut:], checksum=GOOD) == []
    runs = r.push(100, bytes(100))
    assert b"".join(value for kind, _, value, _ in runs if kind == "data") == bytes(100) + good
    runs = kinds(r.push(400, b"x")) + kinds(r.finish())
    gaps = [(at, size) for kind, at, size in runs if kind == "gap"]
    assert sum(size for _, size in gaps) == 100
    assert gaps == [(200, claimed), (200 + claimed, 100 - claimed)][not claimed :]


# ---- connections, against the oracle


def compared(segments, vlans=None):
    """The flows of a capture, after kernels and oracle have said the same."""
    items = [Item(s, float(i), vlan=vlans[i] if vlans else 0) for i, s in enumerate(segments)]
    want = oracle(items)
    raw = build.pcap(connection_play.capture(items))
    for form in FORMS:
        assert kernels(raw, form) == want, form
    return want


@pytest.mark.parametrize("both", [True, False])
@pytest.mark.parametrize("seed", range(8))
def test_a_lossy_stream_beside_its_copy_with_other_numbers(seed, both):
    """A firewall gives other sequence numbers, of both sides or of the server alone."""
    rng = random.Random(seed)
    c = Connection(rng, 0, (1000, 2000), sizes=(400, 9000))
    shift = [rng.randrange(1 << 28, 15 << 28) * both, rng.randrange(1 << 28, 15 << 28)]
    out = []
    for i, s in enumerate(c.handshake() + c.talk()):
        seq, ack = (s.seq + shift[s.down]) % 2**32, (s.ack + shift[not s.down]) % 2**32
        copy = replace(s, seq=seq, ack=ack)
        lost = s.payload and i > 12 and rng.random() < 0.15
        if not lost:
            out.append(s)
        if i >= 3 and not lost:
            out.append(copy)
    flows = compared(out)
    assert len(flows) == 2
    assert sum(len(flow[4]) for flow in flows) > 0


def established(rng, isn=(1000, 2000)):
    c = Connection(rng, 0, isn, sizes=(300, 300))
    return c, [*c.handshake(), c.segment(False, 20), c.segment(True, 20), c.segment(False, 0)]


def client(seq, flags, ack=0, payload=b""):
    return Segment(False, seq % 2**32, ack % 2**32, flags, payload)


def server(seq, flags, ack=0, payload=b""):
    return Segment(True, seq % 2**32, ack % 2**32, flags, payload)


X, Y, S = 2_000_000_000, 2_500_000_000, 3_100_000_000
KEPT = {
    "client": [client(X, SYN)],
    "client twice": [client(X, SYN), client(Y, SYN)],
    "server": [server(S, SYN | ACK, X + 1)],
    "server, then client": [server(S, SYN | ACK, X + 1), client(X, SYN)],
    "server, then another client": [server(S, SYN | ACK, X + 1), client(Y, SYN)],
    "client, then another answer": [client(X, SYN), server(S, SYN | ACK, Y + 1)],
    "both ask": [client(X, SYN), server(S, SYN)],
    "both answer": [client(X, SYN | ACK, S + 1), server(S, SYN | ACK, X + 1)],
}
THEN = {
    "goes on": lambda c: [c.segment(True, 30), c.segment(False, 30)],
    "answer": lambda c: [server(S, SYN | ACK, X + 1), client(X + 1, ACK, S + 1, b"of another")],
    "answer to the other": lambda c: [server(S, SYN | ACK, Y + 1), client(Y + 1, ACK, S + 1, b"o")],
    "data": lambda c: [client(X + 1, ACK, S + 1, b"of another"), server(S + 1, ACK, X + 11, b"ok")],
    "data of the other": lambda c: [client(Y + 1, ACK, S + 1, b"another")],
}


@pytest.mark.parametrize("then", THEN)
@pytest.mark.parametrize("kept", KEPT)
def test_syns_that_come_into_an_open_connection(kept, then):
    c, segments = established(random.Random(7))
    compared([*segments, *KEPT[kept], *THEN[then](c), c.segment(True, 10), c.segment(False, 10)])


@pytest.mark.parametrize("then", THEN)
@pytest.mark.parametrize("kept", KEPT)
@pytest.mark.parametrize("scope", [7, 9])
def test_syns_that_are_answered_in_another_scope(kept, then, scope):
    c, segments = established(random.Random(7))
    before = [5 if not s.down else 7 for s in segments]
    more = [*KEPT[kept], *THEN[then](c)]
    tags = [5 if not s.down else scope for s in more]
    compared([*segments, *more], before + tags)
