"""What a gather writes fits into what was counted before, whatever the bytes and the link are."""

import random

import numpy as np
import pytest

from mmscodec import winmx

LINKS = ("secondary", "primary", "chat", "legacy", "udp", "cache")
#: A legacy frame of type 0x03A1, which is no node list there: once it ran over its block.
LEGACY = bytes.fromhex("0c0041ec0e42ad44e3e941e00e4ead40")


def buffers(link, seed):
    """Random bytes, node lists of every length, and node lists with bytes changed."""
    source = random.Random(f"{link} {seed}")
    nodes = source.randbytes(12 * source.randrange(20))
    lists = b"".join(
        b"\xa1\x03" + len(piece).to_bytes(2, "little") + piece
        for piece in (
            nodes[: source.randrange(len(nodes) + 1)] for _ in range(source.randrange(99))
        )
    )
    changed = bytearray(lists)
    for _ in range(min(len(changed), 9)):
        changed[source.randrange(len(changed))] = source.randrange(256)
    sized = b"".join(
        len(piece).to_bytes(2, "little") + b"\xa1\x03" + piece
        for piece in (source.randbytes(source.randrange(200)) for _ in range(9))
    )
    yield from (source.randbytes(source.randrange(400)), lists, bytes(changed), sized)


def expected_records(batch):
    """How many node records the packets of a batch hold (sections 4.1 and 7.2)."""
    if batch.link == "cache":
        return int(((batch.packets["length"] - 29) // 12).sum())
    if batch.link not in ("", "secondary", "chat"):
        return 0
    lists = batch.packets[batch.packets["type"] == 0x03A1]
    return int((lists["data_length"] // 12).sum())


@pytest.mark.parametrize("link", LINKS)
def test_every_gather_writes_what_was_counted(link):
    reused = None
    for seed in range(60):
        for data in buffers(link, seed):
            batch = winmx.decode(data, link=link)
            count = expected_records(batch)
            assert len(batch.records) == len(batch.nodes) == count
            reused = winmx.decode(data, link=link, out=reused)
            assert np.array_equal(reused.records, batch.records)
            assert np.array_equal(reused.nodes, batch.nodes)


def test_a_legacy_frame_with_the_type_of_a_node_list_has_no_records():
    batch = winmx.decode(LEGACY, link="legacy")
    assert len(batch.packets) == 1
    assert len(batch.records) == len(batch.nodes) == 0
    many = winmx.decode(LEGACY * 4000, link="legacy", out=batch)
    assert len(many.records) == len(many.nodes) == 0
