"""Recognition asks both sides; its odds are counted."""

import itertools
import random

import numpy as np
import pytest

import mmscodec
from mmscodec import winmx
from mmscodec.winmx import cipher
from mmscodec.winmx.cipher import Role
from tests.capture import build, recut
from tests.winmx import odds, talks
from tests.winmx.talks import ACK, SYN

CLIENTS = (Role.PRIMARY_CLIENT, Role.SECONDARY_CLIENT, Role.CHAT_CLIENT)


def connection(client, server, syn=True):
    packets, time = [], talks.START
    steps = [(0, 1001, client), (1, 2001, server)]
    if syn:
        steps = [(0, 1000, None), (1, 2000, None), *steps]
    for side, seq, payload in steps:
        time += 1000
        (src, sport), (dst, dport) = talks.ENDS[side], talks.ENDS[1 - side]
        flags = ACK if payload is not None else SYN | (ACK if side else 0)
        packets.append(recut.Packet(time, src, dst, 6, sport, dport, seq, 1, flags, payload or b""))
    return build.pcap(recut.ethernet(packets), magic=build.NANO)


ANSWERS = [b"HTTP/1.1 200 OK\r\n\r\n" + bytes(100), b"220 mail.example ESMTP\r\n", bytes(40),
           b"SSH-2.0-x\r\n", b"\x16\x03\x01\x02\x00\x01" + bytes(60)]  # fmt: skip


@pytest.mark.parametrize("role", CLIENTS)
@pytest.mark.parametrize("answer", ANSWERS)
def test_another_protocol_whose_first_bytes_happen_to_check_is_no_winmx(role, answer):
    rng = random.Random(int(role))
    block = cipher.key_block(role, rng.randbytes(16))  # what a request may look like by chance
    assert winmx.recognise(block + b"more", answer) is None
    for syn in (True, False):
        with mmscodec.open(connection(block + b" HTTP/1.1\r\n\r\n", answer, syn)) as capture:
            assert not (capture.flows["protocol"] == "winmx").any()
            assert len(capture.winmx.faults) == 0


def test_a_line_of_text_is_no_winmx_though_the_answer_checks():
    block = cipher.key_block(Role.SECONDARY_SERVER, bytes(16))
    text = b"GET /index.html HTTP/1.0\r\n\r\n"
    assert winmx.recognise(text, b"1" + block) is None
    assert winmx.recognise(text, b"8" + cipher.key_block(Role.CACHE, bytes(16))) is None
    with mmscodec.open(connection(text, b"1" + block + bytes(100))) as capture:
        assert not (capture.flows["protocol"] == "winmx").any()


def test_the_answer_may_come_first_or_last():
    made = talks.talk(3)
    client, server = made.streams
    for pieces in itertools.permutations([(0, client[:16]), (1, server[:1]), (1, server[1:17])]):
        if pieces.index((1, server[:1])) > pieces.index((1, server[1:17])):
            continue
        talk = winmx.Conversation()
        for side, data in pieces:
            talk.feed(("C>S", "S>C")[side], data)
        assert (talk.link, talk.state) == ("secondary", "open")


@pytest.mark.parametrize("masked", [False, True])
def test_each_byte_of_the_check_is_met_once_in_256(masked):
    """The odds: of all values of the three bytes that are checked, one of 2**24 for each role.

    The mix is a permutation of blocks, so a random block is a random plain one; there each check
    is met by exactly one value of one byte, whatever the others are.
    """
    rng = np.random.default_rng(7)
    known = {0x50, 0x51, 0x52, 0x53, 0x54, 0x57, 0x58}
    for _ in range(20):
        seed = rng.bytes(16)
        blocks = {role: cipher.key_block(role, seed) for role in Role}
        assert len(set(blocks.values())) == len(known)
        for role, block in blocks.items():
            sent = cipher.mask(block) if masked else block
            assert cipher.check_key_block(cipher.mask(sent) if masked else sent) is role
            # the last byte that the mix changes is checked alone: one of its values is right
            good = [
                value
                for value in range(256)
                if cipher.check_key_block(block[:11] + bytes([value]) + block[12:]) is not None
            ]
            assert len(good) <= 2


@pytest.mark.parametrize("kind", odds.KINDS)
def test_first_bytes_of_something_else_are_hardly_ever_taken_for_winmx(kind):
    """The figures of docs/spec/winmx.md are those of `tests.winmx.odds`, here with fewer trials."""
    tried, client, server, cache, both, _ = odds.measure(kind, 1 << 19, 2024).tolist()
    assert tried == 1 << 19
    # 0.09, 0.19, 0.03 and 0.19 are expected of random bytes
    assert client <= 3
    assert server <= 4
    assert cache <= 3
    assert both <= 4


def test_what_is_counted_is_what_is_recognised():
    rng = random.Random(5)
    blocks = [cipher.key_block(role, rng.randbytes(16)) for role in [*Role] for _ in range(20)]
    counts = odds.counted(np.frombuffer(b"".join(blocks), np.uint8))
    found = [winmx.recognise(block, b"") for block in blocks]
    assert counts[0] == len(blocks)
    assert counts[1] == sum(one is not None and one.link in talks.LINKS for one in found) == 60
    found = [winmx.recognise(b"", b"1" + block) for block in blocks]
    assert counts[2] == sum(one is not None and one.keys is not None for one in found) == 60
    found = [winmx.recognise(b"", b"8" + block) for block in blocks]
    assert counts[3] == sum(one is not None and one.link == "cache" for one in found) == 20


def judged(client, server):
    found = winmx.recognise(client, server)
    return None if found is None else (found.link, found.certain)


def some_side(rng, greetings, roles):
    """What a side may say first: a key block, text, bytes, or text that ends in bytes."""
    kind = rng.randrange(4)
    if kind == 0:
        body = cipher.key_block(rng.choice(roles), rng.randbytes(16))
    elif kind == 1:
        body = rng.choice([b"GET /index.html HTTP/1.0", b"SEND a.mp3 1234", b"220 mail ready\r\n"])
    elif kind == 2:
        body = rng.randbytes(20)
    else:
        body = b"abcdefghijklmnopq"[: rng.randrange(17)] + rng.randbytes(20)
    return rng.choice(greetings) + body


def test_what_is_no_winmx_stays_none_however_much_more_the_server_says():
    rng, refused = random.Random(5), 0
    servers = [role for role in Role if role.server]
    for _ in range(3000):
        client = some_side(rng, [b"", b"", b"1"], CLIENTS)[: rng.randrange(20)]
        server = some_side(rng, [b"", b"1", b"8"], servers)[:17]
        answers = [judged(client, server[:size]) for size in range(1, len(server) + 1)]
        first = answers.index(None) if None in answers else len(answers)
        refused += first < len(answers)
        assert set(answers[first:]) <= {None}, (client, server)
    assert 500 < refused < 2900


def test_a_conversation_says_the_same_of_a_server_in_pieces():
    rng = random.Random(6)
    for _ in range(300):
        client, server = rng.randbytes(30), some_side(rng, [b"", b"1"], [Role.PRIMARY_SERVER])
        said = []
        for size in (1, 7, 100):
            talk = winmx.Conversation()
            for direction, data in (("S>C", server), ("C>S", client)):
                for at in range(0, len(data), size):
                    talk.feed(direction, data[at : at + size])
            faults = [batch.faults.text() for batch in talk.close()]
            said.append((faults, talk.link, talk.positions))
        assert said[0] == said[1] == said[2], (client, server)
