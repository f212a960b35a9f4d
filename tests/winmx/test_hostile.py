"""Bytes that nobody should send: no crash, no hang, no read outside, no wrong row."""

import ctypes
import struct
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmscodec import winmx
from mmscodec.schema.winmx import PACKETS
from tests.oracle import winmx as oracle
from tests.winmx import samples
from tests.winmx import vectors as v

NAMES = [item.name for item in PACKETS] + ["SharedFile"]
TYPES = [item.mid for item in PACKETS if 0 <= item.mid < 65536]


def look_at_everything(batch):
    """Every table and every column: each extent must lie in its packet."""
    packets = batch.packets
    end = packets["offset"] + packets["length"]
    assert len(batch.nodes) == len(batch.records)
    for name in NAMES:
        rows = batch[name]
        for column in rows.dtype.names:
            if column.endswith("_offset"):
                start = rows[column]
                length = rows[column.removesuffix("_offset") + "_length"]
                there = length > 0
                assert (start >= packets["offset"][rows["packet"]])[there].all()
                assert (start + length <= end[rows["packet"]]).all()
                if not column.startswith("_"):
                    batch.column(name, column.removesuffix("_offset"))
    batch.faults.text()
    batch.findings.text()
    batch.text()


@given(st.lists(st.tuples(st.sampled_from(TYPES), st.binary(max_size=120)), max_size=12),
       st.sampled_from(["", "secondary", "chat"]))  # fmt: skip
def test_any_data_in_any_packet(frames, link):
    data = b"".join(struct.pack("<HH", kind, len(body)) + body for kind, body in frames)
    batch = winmx.decode(data, link=link)
    look_at_everything(batch)
    assert batch.packets["type"].tolist() == [kind for kind, _ in frames]
    assert batch.nodes.tolist() == oracle.nodes(data)


@given(st.binary(max_size=500), st.sampled_from(["", "primary", "legacy", "udp", "cache"]))
def test_any_bytes_on_any_link(data, link):
    look_at_everything(winmx.decode(data, link=link))


@pytest.mark.parametrize("item", samples.KNOWN, ids=lambda item: item.name)
def test_every_truncation_of_every_packet(item):
    frame = winmx.encode(item.name, **samples.least(item))
    if item.link not in ("secondary", "chat"):
        for end in range(len(frame)):
            look_at_everything(winmx.decode(frame[:end], link=item.link))
        return
    whole = winmx.decode(frame, link=item.link, direction=item.direction)
    assert len(whole[item.name]) == 1
    for end in range(4, len(frame)):
        cut = frame[:2] + struct.pack("<H", end - 4) + frame[4:end]
        batch = winmx.decode(cut + frame, link=item.link, direction=item.direction)
        rows = batch[item.name]
        assert rows["packet"].tolist()[-1] == 1
        assert len(rows) == 2 - len(batch.faults)
        look_at_everything(batch)


@pytest.mark.parametrize("length", [0, 1, 3, 4, 5, 0x7FFF, 0x8000, 0xFFFC, 0xFFFF])
def test_every_length_a_header_can_claim(length):
    head = struct.pack("<HH", 0x03A1, length)
    for have in {0, 1, max(length - 1, 0), length, length + 1}:
        data = head + bytes(have)
        batch = winmx.decode(data)
        assert batch.packets.tolist() == [
            (at, 4 + len(body), kind, len(body)) for at, kind, body in oracle.frames(data)[0]
        ]
        assert batch.nodes.tolist() == oracle.nodes(data)


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("zeros", bytes(4096)),
        ("a header that asks for much", b"\xa1\x03\xff\xff" * 1024),
        ("empty lists", b"\xa1\x03\0\0" * 1024),
        ("strings without end", b"\x89\x13\x10\0" + b"x" * 16),
        ("random", np.random.default_rng(9).integers(0, 256, 1 << 16, np.uint8).tobytes()),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_rows_grow_with_the_input_only(name, unit):
    for size in (2 << 20, 16 << 20):
        data = unit * (size // len(unit))
        batch = winmx.decode(data)
        assert len(batch.packets) <= len(data) // 4
        assert len(batch.nodes) <= len(data) // 12
        assert len(batch.faults) <= len(batch.packets) + 1
        assert batch.consumed + 65539 > len(data)


def test_a_hundred_megabytes_of_lies():
    unit = np.random.default_rng(10).integers(0, 256, 1 << 20, np.uint8).tobytes()
    batch = winmx.decode(unit * 100)
    assert batch.consumed + 65539 > len(unit) * 100
    assert len(winmx.decode(bytes(100 << 20)).packets) == 25 << 20


def test_byte_by_byte_feeding_of_long_frames_is_not_quadratic():
    frame = b"\0\0\xff\xff" + bytes(65535)
    decoder = winmx.Decoder()
    scanned = 0
    for i in range(len(frame)):
        batch = decoder.feed(frame[i : i + 1])
        scanned += sum(len(piece) for _, piece in batch.pieces)
    assert decoder.position == len(frame)
    assert scanned <= 2 * len(frame)


def test_exact_buffers_are_not_read_past():
    for end in range(len(v.STREAM) + 1):
        exact = (ctypes.c_uint8 * end).from_buffer_copy(v.STREAM[:end])
        look_at_everything(winmx.decode(exact))


GUARD = """
    import ctypes, mmap, sys
    from mmscodec import winmx
    from tests.winmx import vectors as v
    libc = ctypes.CDLL(None, use_errno=True)
    page = mmap.PAGESIZE
    memory = mmap.mmap(-1, 20 * page)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    assert libc.mprotect(ctypes.c_void_p(start + 19 * page), page, 0) == 0
    for data in (v.STREAM, v.NODE_LIST * 700, v.NODE_LIST * 700 + v.ACKNOWLEDGED):
        for end in [*range(min(len(data), 300)), len(data) - 1, len(data)]:
            at = 19 * page - end
            memory[at : 19 * page] = data[:end]
            view = memoryview(memory)[at : 19 * page]
            batch = winmx.decode(view)
            batch.packets, batch.nodes, batch.records, batch.faults, batch.findings
            for name in batch.names:
                batch[name]
            try:
                winmx.node_lists(view, copy=True)
            except ValueError:
                pass
            del batch, view
    print("good")
"""


@pytest.mark.skipif(not hasattr(ctypes, "pythonapi") or sys.platform == "win32",
                    reason="needs mprotect")  # fmt: skip
def test_the_page_behind_the_buffer_is_never_touched():
    import os
    from pathlib import Path

    root = Path(__file__).resolve().parents[2]
    path = os.pathsep.join([str(root), *(item for item in sys.path if item)])
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(GUARD)],
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert result.stdout.strip() == "good", result.stderr


def test_threads_may_share_a_buffer_and_a_batch():
    data = v.STREAM * 2000
    expected = winmx.decode(data)
    shared = winmx.decode(data)
    good = []

    def work():
        for _ in range(5):
            own = winmx.decode(data)
            good.append((own.nodes == expected.nodes).all())
            good.append((shared.nodes == expected.nodes).all())
            good.append(len(shared["BrowseRequest"]) == 2000)
            good.append(len(shared.faults) == 0)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(good) == 80
    assert all(good)


def test_rows_that_gathers_follow_cannot_be_changed():
    for data in (v.STREAM, v.NODE_LIST * 100):
        batch = winmx.decode(data)
        with pytest.raises(ValueError, match="read-only"):
            batch.packets["offset"][0] = 1 << 40


def test_adopted_rows_must_lie_in_the_buffer():
    batch = winmx.Batch()
    rows = winmx.decode(v.STREAM).packets.copy()
    batch.adopt(v.STREAM, "secondary", 0, rows, len(v.STREAM))
    assert batch.nodes.tolist() == oracle.nodes(v.STREAM)
    for column, value in (("offset", -1), ("offset", 1 << 62), ("length", 1 << 31),
                          ("data_length", 7)):  # fmt: skip
        wrong = rows.copy()
        wrong[column][-1] = value
        with pytest.raises(ValueError, match="packet 7"):
            batch.adopt(v.STREAM, "secondary", 0, wrong, 0)


def adopted(link, source, length, data_length, kind=0x31):
    rows = np.zeros(1, winmx.decode(v.STREAM).packets.dtype)
    rows["length"], rows["data_length"], rows["type"] = length, data_length, kind
    batch = winmx.Batch()
    batch.adopt(source, link, 0, rows, len(source))
    return batch


@pytest.mark.parametrize("item", samples.KNOWN, ids=lambda item: item.name)
def test_an_adopted_packet_that_is_shorter_than_a_header_is_one_fault(item):
    if item.link != "legacy":
        return
    for length in range(5):
        batch = adopted("legacy", bytes(9), length, 0, item.mid)
        faults = batch.faults
        assert len(batch[item.name]) + len(faults) == 1
        if length < 4:
            assert faults[["need", "have"]].tolist() == [(4, length)]
        look_at_everything(batch)


def test_adopted_replies_of_peer_caches_have_the_length_of_their_data():
    for data_length in (0, 1, 11, 12, 13, 24, 36):
        batch = adopted("cache", bytes(200), 17 + data_length, data_length)
        assert len(batch.nodes) == max(data_length - 12, 0) // 12
        for wrong in (-1, 1):
            with pytest.raises(ValueError, match="another length"):
                adopted("cache", bytes(200), 17 + data_length + wrong, data_length)


@pytest.mark.parametrize("size", [5, 0xFFFE, 0xFFFF, 0x10000, 70000])
def test_the_data_of_a_long_datagram_is_told_as_16_bits(size):
    (row,) = winmx.decode(bytes(size), link="udp").packets
    assert (row["length"], row["data_length"]) == (size, min(size, 0xFFFF))


@pytest.mark.parametrize("name", [b"", b" ", b"a", b"a ", b"  "])
def test_a_space_in_front_of_a_quotation_mark_is_no_part_of_a_name(name):
    request = b"GET" + name + b'"a path" 1'
    batch = winmx.Batch()
    rows = np.zeros(1, winmx.decode(v.STREAM).packets.dtype)
    rows["length"], rows["type"] = len(request), 0x47
    batch.adopt(request, "transfer", 0, rows, len(request))
    assert batch.column("FileRequest", "user_name").tolist() == [name.decode().removesuffix(" ")]
    assert batch.column("FileRequest", "path").tolist() == ["a path"]
