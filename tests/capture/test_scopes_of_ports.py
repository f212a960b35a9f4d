"""Connections that follow each other on the same ports, each with its own scopes by direction.

The first one may be open still: then the SYN of the next one is kept until something proves it,
and what proves it may come in another scope than the SYN did.
"""

import itertools
import random

import pytest

import mmscodec
from tests.capture import build, connection_play
from tests.capture.connection_play import Item
from tests.capture.tcp_play import Connection
from tests.capture.test_connection_oracle import kernels, oracle

TAGS = ((0, 0), (0, 7), (5, 7), (7, 0), (8, 9))
CLOSES = ("none", "fin", "rst", "half")


def played(rng, tags, close, handshake, far):
    """Three connections in turn; of each handshake the segments named in `handshake` were seen."""
    items, isn = [], (rng.randrange(2**32), rng.randrange(2**32))
    for number in range(3):
        c = Connection(rng, number, isn, sizes=(200, 900))
        segments = [s for i, s in enumerate(c.handshake()) if number == 0 or i in handshake]
        segments += c.talk()
        segments += c.close("fin" if close == "half" else close)[: 1 if close == "half" else None]
        here = tags[number % len(tags)]
        items += [Item(s, float(len(items)), vlan=here[s.down]) for s in segments]
        step = (1 << 30) + rng.randrange(1 << 28) if far else rng.randrange(5_000, 90_000)
        isn = tuple((n + step) % 2**32 for n in isn)
    return items


def is_clear(first, second):
    """Does no scope of one direction belong to the other direction of the other connection?"""
    return first == second or (first[0] != second[1] and first[1] != second[0])


def agrees(items, forms):
    raw = build.pcap(connection_play.capture(items), magic=build.NANO)
    want = oracle(items)
    for form in forms:
        assert kernels(raw, form) == want, form
    return want


@pytest.mark.parametrize("close", CLOSES)
@pytest.mark.parametrize("first", TAGS)
def test_every_pair_of_scopes(first, close):
    """Whatever of the handshake was captured, kernels and oracle say the same."""
    rng = random.Random(f"{first}{close}")
    for second, far in itertools.product(TAGS, (False, True)):
        if not is_clear(first, second):
            continue
        for handshake in ((0, 1, 2), (0, 1), (0, 2), (0,), (1, 2), (2,), ()):
            items = played(rng, (first, second), close, handshake, far)
            agrees(items, ("plain", "unspooled"))


@pytest.mark.parametrize("tags", [tags for tags in TAGS if tags[0] != tags[1]])
@pytest.mark.parametrize("handshake", [(0, 1, 2), (0, 1), (0, 2), (0,)])
def test_a_kept_syn_is_proven_from_the_other_scope(tags, handshake):
    """Three connections of two flows each, and nothing is lost."""
    items = played(random.Random(5), (tags,), "none", handshake, far=True)
    flows = agrees(items, ("plain", "option", "threads", "pipe", "unspooled"))
    assert len(flows) == 6
    assert [flow[2] for flow in flows] == [200, 900] * 3
    raw = build.pcap(connection_play.capture(items), magic=build.NANO)
    with mmscodec.open(raw, protocols=None) as capture:
        assert sorted(capture.flows["peer"].tolist()) == list(range(6))
