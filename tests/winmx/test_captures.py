"""The project's own captures: what the peer says it sent is what is decoded."""

import json
from pathlib import Path

import pytest

from examples import winmx_peer
from mmscodec import winmx
from tests.winmx.tinypcap import pieces

CAPTURES = Path(__file__).resolve().parent.parent / "captures" / "winmx"


def truth_of(name):
    lines = (CAPTURES / f"{name}.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


#: Directions by who speaks in the log of a capture.
WAYS = {"client": "C>S", "server": "S>C"}


def listened(name):
    """(conversation, its batches with the times of their bytes, datagrams) of one capture."""
    conversation, client, batches, datagrams = winmx.Conversation(), None, [], []
    for piece in pieces((CAPTURES / f"{name}.pcap").read_bytes()):
        if piece.udp:
            datagrams.append(piece.data)
        elif piece.opens:
            client = piece.src
        elif piece.data:
            side = "C>S" if piece.src == client else "S>C"
            batches.append((piece.time, conversation.feed(side, piece.data)))
    return conversation, batches, datagrams


@pytest.mark.parametrize("name", ["secondary", "patched", "chat", "primary"])
def test_every_frame_said_is_decoded_at_its_place(name):
    conversation, batches, _ = listened(name)
    assert conversation.link == name.replace("patched", "secondary")
    assert conversation.patched is (name == "patched")
    said = {"C>S": {}, "S>C": {}}
    for line in truth_of(name):
        if line["side"] != "udp":
            said[WAYS[line["side"]]][line["offset"]] = bytes.fromhex(line["frame"])
    heard = {"C>S": b"", "S>C": b""}
    starts = {"C>S": 16, "S>C": 17}
    for _, batch in batches:
        for i, row in enumerate(batch.packets):
            assert row["offset"] == starts[batch.direction] + len(heard[batch.direction])
            source = memoryview(batch.pieces[0][1])
            at = int(row["offset"]) - batch.start
            heard[batch.direction] += bytes(source[at : at + int(row["length"])])
            assert (
                bytes(batch.payload(i))
                == bytes(source[at : at + int(row["length"])])[17 if name == "primary" else 4 :]
            )
    for side in heard:
        assert heard[side] == b"".join(said[side][at] for at in sorted(said[side]))
        assert sorted(said[side])[0] == starts[side]


@pytest.mark.parametrize("name", ["secondary", "patched"])
def test_nodes_of_the_captured_lists(name):
    _, batches, _ = listened(name)
    nodes = [row for _, batch in batches for row in batch.records.tolist()]
    plain = b"".join(
        bytes.fromhex(line["frame"]) for line in truth_of(name) if line["side"] == "server"
    )
    expected = winmx.decode(plain)
    assert nodes == expected.records.tolist()
    assert len(nodes) == 8 + 8 + 7 + 8 + 9 + 0 + 8 + 24 + 2
    faults = [text for _, batch in batches for text in batch.faults.text()]
    assert len(faults) == 1
    assert "bad length" in faults[0]
    counts = [
        int(row["seen"])
        for _, batch in batches
        for row in batch.findings
        if row["table"] == 1 and row["code"] == 128
    ]
    assert counts == [7, 9, 0, 2]


def test_captured_node_lists_have_their_answers():
    _, batches, _ = listened("secondary")
    lists, answers = [], []
    for order, (_, batch) in enumerate(batches):
        for row in batch.packets:
            if row["type"] == 0x03A1:
                lists.append(order)
            elif row["type"] == 0x0384:
                answers.append(order)
    pairs = winmx.pair_answers(lists, answers)
    assert len(lists) == 11
    assert len(answers) == 8
    assert (pairs[:7] >= 0).all()
    assert (pairs[7:] == -1).all()


def test_strings_of_the_captured_chat():
    _, batches, _ = listened("chat")
    said = [
        text
        for _, batch in batches
        if batch.direction == "S>C"
        for text in batch.column("TextToClients", "text")
    ]
    assert said == [f"line {i}" for i in range(10)]
    names = [text for _, batch in batches for text in batch.column("UserListEntry", "user_name")]
    assert names == [f"u{i}_{i:05}" for i in range(20)]
    assert not [fault for _, batch in batches for fault in batch.faults]


def test_captured_datagrams():
    _, _, datagrams = listened("primary")
    expected = [
        bytes.fromhex(line["frame"]) for line in truth_of("primary") if line["side"] == "udp"
    ]
    batch = winmx.decode_datagrams(datagrams)
    assert [bytes(batch.payload(i)) for i in range(len(datagrams))] == expected
    assert batch["RoomAdvertisement"]["users"].tolist() == [0, 1, 2, 3]


def test_a_captured_peer_cache_reply():
    conversation, batches, _ = listened("cache")
    assert (conversation.link, conversation.state) == ("cache", "done")
    reply = bytes.fromhex(truth_of("cache")[0]["frame"])
    nodes = [row for _, batch in batches for row in batch.records.tolist()]
    assert nodes == winmx.decode(reply, link="cache").records.tolist()
    assert len(nodes) == 10


def test_whole_connections_are_decoded_side_by_side():
    names = ["secondary", "patched", "chat", "primary", "cache"]
    pairs, expected = [], []
    for name in names:
        whole, client = {"C>S": b"", "S>C": b""}, None
        for piece in pieces((CAPTURES / f"{name}.pcap").read_bytes()):
            client = piece.src if piece.opens else client
            if not piece.udp:
                whole["C>S" if piece.src == client else "S>C"] += piece.data
        pairs.append((whole["C>S"], whole["S>C"]))
        _, batches, _ = listened(name)
        expected.append(
            {
                side: [row for _, b in batches if b.direction == side for row in b.packets.tolist()]
                for side in whole
            }
        )
    found = winmx.decode_connections([*pairs, (b"GET /", b"HTTP/1.1 200 OK"), (b"", b"")])
    assert [c.recognition.link for c in found[:5]] == [
        name.replace("patched", "secondary") for name in names
    ]
    for connection, rows in zip(found[:5], expected):
        assert connection.client.packets.tolist() == rows["C>S"]
        assert connection.server.packets.tolist() == rows["S>C"]
    assert found[1].server.records.tobytes() == found[0].server.records.tobytes()
    assert found[5].recognition is None
    assert not found[6].recognition.certain
    assert len(found[5].server.packets) == len(found[6].client.packets) == 0


def test_the_peer_still_talks_to_itself():
    for link in ("patched", "chat", "primary", "cache"):
        assert winmx_peer.play(link, 0, 3)
