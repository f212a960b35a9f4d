"""WinMX: node lists, decode, encode and ciphers, against plain C, NumPy and struct in one run."""

import ctypes
import mmap
import struct
import tempfile
from functools import lru_cache

import numpy as np
import pytest

import mmscodec
from benchmarks.harness import Run, compiled, memcpy, pointer
from mmscodec import winmx
from mmscodec.winmx import cipher
from mmscodec.winmx.cipher import Stream
from tests.oracle.winmx import T
from tests.winmx import talks

LISTS = 1_250_000  # ten million records
RECORD = struct.Struct("<4sHHBBBB")


class Loop:
    """The functions of c/winmx_loop.c on one buffer."""

    def __init__(self, data, lists, packets):
        self.library = compiled("winmx_loop")
        for name in ("winmx_index", "winmx_records", "winmx_nodes", "winmx_encode"):
            getattr(self.library, name).restype = ctypes.c_size_t
        self.data = np.frombuffer(data, np.uint8)
        self.packets = np.zeros(packets, winmx.decode(b"").packets.dtype)
        self.records = np.zeros(lists * 8, winmx.RECORD_DTYPE)
        self.nodes = np.zeros(lists * 8, winmx.NODES_DTYPE)
        self.size = ctypes.c_size_t(self.data.nbytes)

    def index(self):
        return self.library.winmx_index(pointer(self.data), self.size, pointer(self.packets))

    def gather_records(self):
        return self.library.winmx_records(pointer(self.data), self.size, pointer(self.records))

    def gather_nodes(self):
        return self.library.winmx_nodes(
            pointer(self.data), self.size, pointer(self.packets), pointer(self.nodes)
        )


@lru_cache(maxsize=1)
def records():
    rows = np.random.default_rng(929).integers(0, 256, LISTS * 96, np.uint8)
    return rows.view(winmx.RECORD_DTYPE).reshape(LISTS, 8)


@lru_cache(maxsize=1)
def regular():
    """Ten million records as a mapped file."""
    with tempfile.TemporaryFile() as file:
        file.write(winmx.encode(records()))
        file.flush()
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


@lru_cache(maxsize=1)
def mixed():
    """Frames of many types, a third of them node lists, half of the bytes."""
    rng = np.random.default_rng(930)
    who = {"user_handle": "WinMX b8a1797a1871", "user_name": "Gumdrop609_21270"}
    others = [
        winmx.encode("QueueStatus", status_text="9006 6 of 6 available"),
        winmx.encode("WhoIsAnswer", **who, line_type=7, online_seconds=773, files=3000,
                     queue_status="9006 6 of 6 available"),
        winmx.encode("BrowseEntry", **who, file_path="music\\a song.mp3", size=22925,
                     bitrate=128, sample_rate=44100, play_time_seconds=201),
        winmx.encode("HashSearch", search_id=12, minimum_line_type=0, file_type=2),
        winmx.encode("RoomListEntry", users=42, limit=500, room_name="Room_010200C01A2B",
                     topic="Topic"),
    ]  # fmt: skip
    lists = [winmx.encode(records()[i]) for i in range(1000)]
    order = rng.integers(0, 3, 1_000_000)
    pieces = [
        lists[i % 1000] if kind == 0 else others[i % 5] for i, kind in enumerate(order.tolist())
    ]
    return b"".join(pieces), int((order == 0).sum()), len(order)


def bench_node_lists(contest):
    data = regular()
    lists = winmx.node_lists(data)
    assert lists.strides == (100, 12)
    assert np.array_equal(lists, records())
    loop = Loop(data, LISTS, LISTS)
    assert loop.gather_records() == LISTS * 8
    frame = np.dtype([("head", "<u4"), ("nodes", winmx.RECORD_DTYPE, (8,))])
    size, rows = len(data), LISTS * 8
    part = bytes(data[: size // 100])
    contest(
        f"winmx.node_lists, mapped file of {rows / 1e6:.0f} M records, {size / 1e6:.0f} MB",
        [
            Run("node_lists (view, checked)", lambda: winmx.node_lists(data), size, rows),
            Run("node_lists(copy=True)", lambda: winmx.node_lists(data, copy=True), size, rows),
            Run("C loop: records", loop.gather_records, size, rows),
            Run("numpy: headers compared", lambda: np_checked(data, frame), size, rows),
            Run("numpy: unchecked view", lambda: np.frombuffer(data, frame)["nodes"], size, rows),
            Run("struct.iter_unpack, 1 %", lambda: by_struct(part), len(part), rows // 100),
            memcpy(np.frombuffer(data, np.uint8)),
        ],
        roofs=["C loop: records", "memcpy"],
        rounds=21,
    )


def np_checked(data, frame):
    rows = np.frombuffer(data, frame)
    assert (rows["head"] == 0x006003A1).all()
    return rows["nodes"]


def by_struct(data):
    rows = []
    for at in range(0, len(data), 100):
        rows += RECORD.iter_unpack(memoryview(data)[at + 4 : at + 100])
    return rows


def bench_decode(contest):
    data = regular()
    size, rows = len(data), LISTS * 8
    loop = Loop(data, LISTS, LISTS)
    batch = winmx.decode(data)
    # one to each rival, so that each has the memory of its own rows
    index, some, all_ = winmx.Batch(), winmx.Batch(), winmx.Batch()
    assert loop.gather_nodes() == rows
    assert np.array_equal(batch.nodes, loop.nodes)
    assert np.array_equal(batch.packets, loop.packets)
    assert np.array_equal(batch.records, loop.nodes[list(winmx.RECORD_DTYPE.names)])
    contest(
        f"winmx.decode, regular run of {rows / 1e6:.0f} M records, {size / 1e6:.0f} MB",
        [
            Run("decode(out=)", lambda: winmx.decode(data, out=index), size, rows),
            Run("decode(out=).records", lambda: winmx.decode(data, out=some).records, size, rows),
            Run("decode(out=).nodes", lambda: winmx.decode(data, out=all_).nodes, size, rows),
            Run("decode().records", lambda: winmx.decode(data).records, size, rows),
            Run("decode().nodes", lambda: winmx.decode(data).nodes, size, rows),
            Run("C loop: records", loop.gather_records, size, rows),
            Run("C loop: index and nodes", loop.gather_nodes, size, rows),
            memcpy(np.frombuffer(data, np.uint8)),
        ],
        roofs=["C loop: records", "C loop: index and nodes", "memcpy"],
        rounds=21,
    )


def bench_mixed(contest):
    data, lists, packets = mixed()
    size = len(data)
    loop = Loop(data, lists, packets)
    batch = winmx.decode(data)
    assert loop.index() == packets == len(batch.packets)
    assert np.array_equal(batch.packets, loop.packets)
    assert len(batch.nodes) == loop.gather_nodes() == lists * 8
    assert np.array_equal(batch.nodes, loop.nodes)
    assert len(batch.faults) == 0
    index, some, all_ = winmx.Batch(), winmx.Batch(), winmx.Batch()

    def everything():
        done = winmx.decode(data, out=all_)
        tables = [done.nodes, done.faults]
        return tables + [
            done[name] for name in ("QueueStatus", "WhoIsAnswer", "BrowseEntry", "HashSearch")
        ]

    contest(
        f"winmx.decode, mixed types, {packets / 1e6:.1f} M packets, {size / 1e6:.0f} MB",
        [
            Run("decode(out=)", lambda: winmx.decode(data, out=index), size, packets),
            Run("decode(out=).nodes", lambda: winmx.decode(data, out=some).nodes, size, packets),
            Run("every table and every fault", everything, size, packets),
            Run("C loop: index", loop.index, size, packets),
            Run("C loop: index and nodes", loop.gather_nodes, size, packets),
            memcpy(data),
        ],
        roofs=["C loop: index", "C loop: index and nodes", "memcpy"],
        rounds=21,
    )


def bench_encode(contest):
    rows = records()
    out = np.zeros(LISTS * 100, np.uint8)
    loop = Loop(b"", 0, 0)
    target = np.zeros(len(out), np.uint8)
    call = loop.library.winmx_encode
    assert call(pointer(rows), ctypes.c_size_t(LISTS), pointer(target)) == len(out)
    assert winmx.encode(rows, out=out) == target.data == winmx.encode(rows)
    size = len(out)
    contest(
        f"winmx.encode, {LISTS * 8 / 1e6:.0f} M records, {size / 1e6:.0f} MB",
        [
            Run("encode(out=)", lambda: winmx.encode(rows, out=out), size, LISTS),
            Run("encode", lambda: winmx.encode(rows), size, LISTS),
            Run("C loop", lambda: call(pointer(rows), ctypes.c_size_t(LISTS), pointer(target)),
                size, LISTS),
            memcpy(target),
        ],
        roofs=["C loop", "memcpy"],
        rounds=21,
    )  # fmt: skip


@pytest.mark.parametrize("chunk", [1400])
def bench_feed(contest, chunk):
    data = bytes(regular()[: 700 * chunk])  # whole frames: the stream goes on in every round
    pieces = [data[at : at + chunk] for at in range(0, len(data), chunk)]
    decoder = winmx.Decoder()

    def feed():
        for piece in pieces:
            assert len(decoder.feed(piece).records)

    contest(
        f"Decoder.feed with its records, chunks of {chunk} bytes (a row is a chunk)",
        [Run("feed", feed, len(data), len(pieces)), memcpy(data)],
        roofs=["memcpy"],
    )


def bench_stream_cipher(contest):
    rng = np.random.default_rng(931)
    size = 4 << 20
    plain = [rng.integers(0, 256, size, np.uint8).tobytes() for _ in range(8)]
    keys = [bytes(rng.integers(0, 256, 4, np.uint8)) for _ in range(8)]
    sent = cipher.encipher_many([Stream(key) for key in keys], plain)
    assert cipher.decipher_many([Stream(key) for key in keys], sent) == plain
    loop = compiled("winmx_loop").winmx_decipher
    source, target = np.frombuffer(sent[0], np.uint8), np.zeros(size, np.uint8)
    tables = [np.frombuffer(T[name], np.uint8) for name in ("T0", "T2", "T4", "T6")]

    def c_loop():
        state = np.frombuffer(keys[0], np.uint8).copy()
        loop(pointer(source), pointer(target), ctypes.c_size_t(size), pointer(state),
             *map(pointer, tables))  # fmt: skip

    c_loop()
    assert target.tobytes() == plain[0]
    out = bytearray(size)
    contest(
        f"stream cipher, {size / 1e6:.0f} MB a stream",
        [
            Run("decipher, eight streams",
                lambda: cipher.decipher_many([Stream(key) for key in keys], sent), 8 * size, 0),
            Run("decipher, one stream",
                lambda: Stream(keys[0]).decipher_into(sent[0], out), size, 0),
            Run("encipher, eight streams",
                lambda: cipher.encipher_many([Stream(key) for key in keys], plain), 8 * size, 0),
            Run("encipher, one stream",
                lambda: Stream(keys[0]).encipher_into(plain[0], out), size, 0),
            Run("C loop, one stream", c_loop, size, 0),
        ],
        roofs=["C loop, one stream", "decipher, one stream"],
    )  # fmt: skip


@pytest.mark.parametrize("connections", [1000])
def bench_connections(contest, connections):
    """What a capture of many connections costs above its pass; ratios are those of the rates."""
    links = list(talks.LINKS)
    some = [talks.capture(talks.talk(seed, links[seed % 3], most=700)) for seed in range(30)]
    data = talks.together([some[number % 30] for number in range(connections)])
    kept: list[mmscodec.Capture] = []

    def passed() -> mmscodec.Capture:
        cap = mmscodec.open(data)
        assert len(cap._pass_flows)  # `flows` would decode
        return cap

    def fresh() -> None:
        kept[:] = [passed()]

    def decoded() -> None:
        fresh()
        assert len(kept[0].winmx.packets) + len(kept[0].nodes)

    def batches(rows: int) -> None:
        for batch in mmscodec.open(data).iter_batches(rows):
            assert len(batch.winmx.packets) + len(batch.nodes) >= 0

    fresh()
    size, rows = len(data), len(kept[0].winmx.packets)
    contest(
        f"{connections} WinMX connections",
        [
            Run("packets, nodes", lambda: (kept[0].winmx.packets, kept[0].nodes), size, rows,
                before=fresh),
            Run("faults", lambda: kept[0].winmx.faults, size, rows, before=decoded),
            Run("findings", lambda: kept[0].winmx.findings, size, rows, before=decoded),
            Run("one batch, with the pass", lambda: batches(1 << 20), size, rows),
            Run("batches of 1,000 rows", lambda: batches(1000), size, rows),
            Run("pass", passed, size, rows),
        ],
        ["pass"], rounds=5,
    )  # fmt: skip
