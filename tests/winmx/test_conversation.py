import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmscodec import winmx
from mmscodec.schema.faults import FaultCode
from mmscodec.winmx import cipher
from mmscodec.winmx.cipher import Role, Stream
from tests.winmx import vectors as v

LINKS = {
    "primary": (Role.PRIMARY_CLIENT, Role.PRIMARY_SERVER),
    "secondary": (Role.SECONDARY_CLIENT, Role.SECONDARY_SERVER),
    "chat": (Role.CHAT_CLIENT, Role.CHAT_SERVER),
}


def talk(link="secondary", patched=False, up=v.USER_INFO, down=v.ACKNOWLEDGED + v.NODE_LIST):
    """Bytes of both directions of a connection."""
    client, server = (cipher.key_block(role, bytes(range(16))) for role in LINKS[link])
    to_client, to_server = cipher.stream_keys(server)
    sent = cipher.mask(server) if patched else server
    return (
        client + Stream(to_server).encipher(up),
        b"1" + sent + Stream(to_client).encipher(down),
    )


def heard(pieces, conversation=None):
    conversation = conversation or winmx.Conversation()
    batches = conversation.feed_all(pieces)
    packets = {"C>S": [], "S>C": []}
    for batch in batches:
        packets[batch.direction] += [
            (int(row["offset"]), int(row["type"]), bytes(batch.payload(i)))
            for i, row in enumerate(batch.packets)
        ]
    return conversation, packets, [fault for batch in batches for fault in batch.faults.tolist()]


EXPECTED = {
    "C>S": [(16, 0x03E9, v.USER_INFO[4:])],
    "S>C": [(17, 0x0460, v.ACKNOWLEDGED[4:]), (23, 0x03A1, v.NODE_LIST[4:])],
}


def test_the_bytes_of_the_notes_are_deciphered_from_the_first_one_on():
    block = cipher.key_block(Role.SECONDARY_CLIENT)
    conversation, packets, faults = heard(
        [
            ("S>C", b"1"),
            ("C>S", block),
            ("S>C", v.BLOCK),
            ("C>S", v.USER_INFO_SENT + v.QUEUE_STATUS_SENT),
            ("S>C", v.ACKNOWLEDGED_SENT + v.NODE_LIST_SENT),
        ]
    )
    assert packets["S>C"] == EXPECTED["S>C"]
    assert [kind for _, kind, _ in packets["C>S"]] == [0x03E9, 0x0384]
    assert not faults
    assert (conversation.link, conversation.state) == ("secondary", "open")
    assert conversation.client_block == block
    assert conversation.server_block == v.BLOCK
    assert conversation.positions == (60, 123)


@pytest.mark.parametrize("patched", [False, True])
def test_every_cut_of_both_directions_gives_the_same_packets(patched):
    up, down = talk(patched=patched)
    for cut in range(0, len(down) + 1):
        other = min(cut, len(up))
        pieces = [
            ("S>C", down[:cut]), ("C>S", up[:other]), ("C>S", up[other:]),
            ("S>C", down[cut:]),
        ]  # fmt: skip
        conversation, packets, faults = heard(pieces)
        assert packets == EXPECTED
        assert not faults
        assert conversation.patched is patched


@settings(max_examples=60)
@given(st.randoms(use_true_random=False))
def test_small_pieces_in_any_order_of_the_directions(rng):
    up, down = talk()
    pieces = []
    left = {"C>S": up, "S>C": down}
    while any(left.values()):
        side = rng.choice([side for side, rest in left.items() if rest])
        size = rng.randint(1, 20)
        pieces.append((side, left[side][:size]))
        left[side] = left[side][size:]
    assert heard(pieces)[1] == EXPECTED


@pytest.mark.parametrize("link", LINKS)
def test_each_link_has_its_own_keys(link):
    up, down = talk(link, up=b"", down=b"")
    conversation, _, _ = heard([("S>C", down), ("C>S", up)])
    assert conversation.link == link
    plain = winmx.encode("RoomListQuery", origin_ip=1, origin_udp_port=2) if link == "primary" \
        else winmx.encode("ClientAnnouncement")  # fmt: skip
    up, down = talk(link, up=plain, down=plain * 2)
    _, packets, _ = heard([("S>C", down), ("C>S", up)])
    assert len(packets["C>S"]) == 1
    assert len(packets["S>C"]) == 2


def test_one_direction_alone_is_deciphered_where_it_holds_the_key():
    up, down = talk()
    assert heard([("S>C", down)])[1]["S>C"] == EXPECTED["S>C"]
    conversation = winmx.Conversation()
    batch = conversation.feed("C>S", up)
    assert (conversation.link, conversation.state) == ("secondary", "greeting")
    assert len(batch.packets) == 0
    faults = [row for batch in conversation.close() for row in batch.faults.tolist()]
    assert [row[:3] for row in faults] == [(16, len(up) - 16, FaultCode.SERVER_KEY_BLOCK_MISSING)]
    assert conversation.state == "done"
    assert [len(batch.faults) for batch in conversation.close()] == [0, 0]


def test_a_peer_cache_reply_gives_its_nodes():
    nodes = winmx.decode(v.NODE_LIST * 2).records[:10]
    reply = winmx.encode_cache_reply(nodes)
    for cut in (0, 1, 17, 100, 148):
        conversation = winmx.Conversation()
        batches = conversation.feed_all([("S>C", reply[:cut]), ("S>C", reply[cut:])])
        assert (conversation.link, conversation.state) == ("cache", "done")
        (batch,) = batches
        assert batch.records.tobytes() == nodes.tobytes()
        assert batch.direction == "S>C"
    assert len(conversation.feed("S>C", b"more").packets) == 0


def test_other_protocols_are_foreign_and_cost_nothing():
    client = b"GET / HTTP/1.0\r\n\r\n"
    for server in (b"HTTP/1.1 200 OK\r\n\r\n", b"1" + bytes(40), b"8" + bytes(200)):
        conversation = winmx.Conversation()
        conversation.feed("C>S", client)
        batch = conversation.feed("S>C", server)
        assert conversation.state == "foreign"
        assert len(batch.faults) == 0
        assert len(conversation.feed("S>C", bytes(1000)).faults) == 0
        assert len(conversation.feed("C>S", bytes(1000)).packets) == 0
        assert conversation.held == 0
        faults = [batch.faults.tolist() for batch in conversation.close()]
        assert [[row[:3] for row in rows] for rows in faults] == [
            [(0, len(client) + 1000, FaultCode.UNKNOWN_STRUCTURE)],
            [(0, len(server) + 1000, FaultCode.UNKNOWN_STRUCTURE)],
        ]


def test_nothing_behind_a_gap_is_believed():
    up, down = talk()
    conversation = winmx.Conversation()
    conversation.feed("S>C", down[:30])
    assert len(conversation.gap("S>C", 5).faults) == 0
    assert len(conversation.feed("S>C", down[35:]).packets) == 0
    assert conversation.positions[1] == len(down)
    assert len(conversation.feed("C>S", up).packets) == 1
    client, server = conversation.close()
    assert len(client.faults) == 0
    assert [row[:3] for row in server.faults.tolist()] == [
        (23, len(down) - 23, FaultCode.CIPHER_BROKEN_BY_GAP)
    ]


def test_what_waits_for_keys_has_a_ceiling():
    conversation = winmx.Conversation(max_buffered=1000)
    faults = []
    for _ in range(100):
        faults += conversation.feed("C>S", bytes(100)).faults.tolist()
        assert conversation.held <= 1000
    assert not faults
    conversation.feed("S>C", talk()[1])
    client, server = conversation.close()
    assert [row[:3] for row in client.faults.tolist()] == [
        (0, 16, FaultCode.BAD_KEY_BLOCK),
        (16, 9984, FaultCode.PENDING_DROPPED),
    ]
    assert len(server.faults) == 0


def test_recognition_by_the_first_bytes():
    up, down = talk()
    assert winmx.recognise(b"", b"") == ("", False, None, False)
    assert winmx.recognise(b"", b"1").certain is False
    assert winmx.recognise(up, b"1") == ("secondary", True, None, False)
    found = winmx.recognise(b"", down)
    assert (found.link, found.certain) == ("secondary", True)
    assert found.keys == (v.TO_CLIENT, v.TO_SERVER)
    assert winmx.recognise(b"", talk(patched=True)[1]).patched
    assert winmx.recognise(b"GET / HTTP/1.0\r\n", b"") is None
    assert winmx.recognise(b"", b"HTTP/1.1 200 OK\r\n") is None
    assert winmx.recognise(b"", b"1" + bytes(16)).certain is False
    assert winmx.recognise(bytes(16), b"1" + bytes(16)) is None
    assert winmx.recognise(down[1:17], b"") is None  # a server's block from the client
    cache = b"8" + cipher.key_block(Role.CACHE)
    assert winmx.recognise(b"", cache).link == "cache"
    assert winmx.recognise(b"", cache[:9]).certain is False
    assert winmx.recognise(b"", b"8" + bytes(16)) is None


@pytest.mark.parametrize("wrong", ["sideways", "client", "server", "", 0, 1])
def test_a_direction_has_one_name(wrong):
    with pytest.raises(ValueError, match="direction is 'C>S' or 'S>C'"):
        winmx.Conversation().feed(wrong, b"")
    for direction in ("C>S", "S>C"):
        assert winmx.Conversation().feed(direction, b"").direction == direction
