"""Ctrl-C inside of one long call.

The signal is pending when the compiled function begins: `zip` and `starmap` call both without a
step of the interpreter in between, so that whoever raises is the function itself, in the middle of
its work. It looks for signals every 30 ms: what takes less is called until it does.
"""

import _thread
import collections
import contextlib
import itertools
import signal
import struct
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from mmscodec import mms, winmx
from mmscodec.capture._copy import copy_pieces
from mmscodec.capture._engine import Engine
from mmscodec.capture._merge import Merge
from mmscodec.capture.dtypes import CAPTURE_DATA, CAPTURE_MESSAGES
from mmscodec.capture.mapped import MemorySource
from mmscodec.mms import _codec, _encode
from mmscodec.mms._gather import gather
from mmscodec.schema.dtypes import DATA_HEADER
from mmscodec.schema.mms import MAX_PACKET
from mmscodec.sessions import _bulk
from mmscodec.sessions.plain import PLAIN, SEGMENTS
from mmscodec.sessions.states import STANCES
from mmscodec.tables.column import Column
from mmscodec.tables.data import number_type
from mmscodec.tables.table import Table
from mmscodec.winmx import _cipher, _frames
from mmscodec.winmx.batch import programs

SIZE = 40 << 20
CALLS = 400  # together they take much longer than 30 ms


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """SIGINT raises KeyboardInterrupt, also where the tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def noise() -> bytes:
    """Random bytes: each of them is judged."""
    return np.random.default_rng(13).bytes(SIZE)


def interrupted(function: Callable[..., Any], *arguments: Any) -> bool:
    """Whether the function ended early, by the signal that was pending when it began."""
    ended: collections.deque[Any] = collections.deque()
    calls = itertools.starmap(function, [arguments])
    try:
        ended.extend(zip(map(_thread.interrupt_main, [signal.SIGINT]), calls))
        for _ in range(2):  # the interpreter itself looks at the end of a loop's body
            continue
    except KeyboardInterrupt:
        return not ended
    raise AssertionError("no signal was pending")


def hears(function: Callable[..., Any], *arguments: Any) -> bool:
    """Whether one of some calls does."""
    return any(interrupted(function, *arguments) for _ in range(CALLS))


def test_a_function_that_never_looks_does_not_hear(noise: bytes) -> None:
    assert not interrupted(noise.count, b"\xce\xfa\x0b\xb0")


@pytest.mark.parametrize("options", [{}, {"live": True}, {"transport": "udp"}])
def test_decoder_is_closed(noise: bytes, options: dict[str, Any]) -> None:
    decoder, batch = mms.Decoder(**options), mms.Batch()
    assert interrupted(decoder._feed_into, batch, noise)
    assert decoder.closed
    assert decoder.position < SIZE
    assert len(batch.packets) == len(batch.messages) == len(batch.faults) == 0
    with pytest.raises(ValueError, match="closed"):
        decoder.feed(b"x")


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_decode_leaves_no_rows(noise: bytes, transport: str) -> None:
    batch = mms.Batch()
    assert interrupted(_codec.decode_into, batch, noise, transport, "record", MAX_PACKET)
    assert len(batch.faults) == len(batch.data) == 0


def test_datagrams(noise: bytes) -> None:
    batch, lengths = mms.Batch(), np.full(SIZE // 40, 40)
    assert hears(_codec.decode_datagrams_into, batch, noise, lengths, "record")
    assert len(batch.faults) == 0


def test_decoders_go_on_behind_it(noise: bytes) -> None:
    decoders = mms.Decoders()
    one, other = decoders.open(), decoders.open()
    assert interrupted(decoders._feed_rows, [one], [noise], None, [None] * 5)
    ping = mms.encode("LinkMacToViewerPing")
    assert len(decoders.feed([other], [ping]).messages) == 1


def test_gather_and_encode() -> None:
    batch = mms.decode(mms.encode("LinkMacToViewerPing") * 200_000)
    rows, source = batch.messages, bytes(batch.pieces[0][1])
    out = np.empty(len(rows), "V16")
    assert hears(gather, source, 0, rows["offset"], rows["length"], out, 16)
    heads = np.zeros(len(rows), DATA_HEADER)
    heads["packet_size"] = 24
    assert hears(_encode.data, heads, len(heads), np.zeros(len(heads), np.int64), source, None)


def test_copies(noise: bytes) -> None:
    lengths = np.full(SIZE // 64, 64)
    positions = np.arange(0, SIZE, 64, np.uint64)
    assert hears(copy_pieces, noise, 0, positions, lengths, bytearray(SIZE))


def test_a_reader_of_arrow_streams_is_ended() -> None:
    """It is told that something failed, and Python hears the signal again."""
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")

    def fetch(start: int, stop: int) -> Any:
        raise KeyboardInterrupt

    table = Table("rows", [Column("a", number_type("i8"), fetch)], lambda: 9)

    def read() -> None:
        for _ in range(2):  # the interpreter looks at the end of a loop's body
            with contextlib.suppress(OSError):
                pyarrow.table(table)

    with pytest.raises(KeyboardInterrupt):
        read()


def test_stream_cipher_keeps_its_state(noise: bytes) -> None:
    stream = winmx.cipher.Stream(b"abcd")
    assert hears(stream.decipher, noise)
    assert stream.state == b"abcd"
    streams = [winmx.cipher.Stream(bytes([i]) * 4) for i in range(9)]
    for forward in (True, False):
        assert hears(_cipher.run_many, streams, [noise[: SIZE // 8]] * 9, forward)
        assert [stream.state for stream in streams] == [bytes([i]) * 4 for i in range(9)]


@pytest.mark.parametrize(
    "name", ["udp_encipher", "udp_decipher", "legacy_encode", "legacy_decode", "legacy_copy"]
)
def test_other_ciphers(noise: bytes, name: str) -> None:
    assert hears(getattr(_cipher, name, None) or getattr(_frames, name), noise)


@pytest.mark.parametrize("forward", [True, False])
def test_peer_caches(noise: bytes, forward: bool) -> None:
    assert hears(_cipher.cache_run, noise[: SIZE // 12 * 12], bytes(12), forward)


def test_file_hash(noise: bytes) -> None:
    state = bytearray(16)
    assert hears(_cipher.hash_step, state, noise)


LIST = b"\xa1\x03\x60\0" + bytes(range(96))


@pytest.mark.parametrize("start", [b"", bytes(4)], ids=["regular", "mixed"])
def test_winmx_frames(start: bytes) -> None:
    data = start + LIST * 300_000
    batch = winmx.Batch()
    assert hears(batch.scan, data, "", 0)
    assert len(batch.packets) == 0
    batch.scan(data, "", 0)
    assert len(batch.packets) == 300_000 + len(start) // 4
    # a gather is kept once it is done: until then it is interrupted again and again
    while not interrupted(batch.node_rows):
        batch.scan(data, "", 0)
    assert len(batch.nodes) == 8 * 300_000
    while not interrupted(batch.record_rows):
        batch.scan(data, "", 0)
    assert len(batch.records) == 8 * 300_000


def test_checks_of_fields() -> None:
    batch = winmx.Batch()
    batch.scan(bytes(16 << 20), "", 0)
    assert hears(batch.check, *programs("", ""))
    assert len(batch.faults) == 0


@pytest.mark.parametrize("link", ["primary", "legacy"])
def test_winmx_links(noise: bytes, link: str) -> None:
    data = {"primary": noise, "legacy": bytes(SIZE)}[link]  # small frames
    assert hears(winmx.Batch().scan, data, link, 0)


def test_winmx_lists() -> None:
    data = LIST * 300_000
    assert hears(_frames.regular_lists, data)
    assert hears(_frames.copied_lists, data, 300_000)
    assert hears(_frames.write_lists, bytes(96 * 300_000), 300_000, 8, None)


def test_one_session_of_many_messages() -> None:
    count = 100_000
    messages = np.zeros(count, CAPTURE_MESSAGES)
    messages["mid"] = 0x00030018  # a Pong
    rows, none = np.arange(count), np.full(count, -1)
    bounds = np.array([0, count])
    control = _bulk.Control(messages, none, none, none, rows, bounds)
    assert hears(control.exchanges)
    stances, events = np.zeros(1, STANCES), np.zeros((count, 3), np.int64)
    assert hears(control.transitions, stances, events, bounds)
    out = np.empty(count, np.int64)
    pairs = np.array([[0, -1]])
    assert hears(_bulk.in_order, messages, rows, bounds, pairs, np.zeros(1, np.int64), out)


def test_a_plain_session_of_many_data_packets() -> None:
    count = 400_000
    data = np.zeros(count, CAPTURE_DATA)
    data["length"], data["offset"], data["time"] = 20, np.arange(count) * 20, np.arange(count)
    data["play_incarnation"] = 4
    data["location_id"] = np.arange(count)
    asked, bounds = np.zeros(1, CAPTURE_MESSAGES), np.array([0, count])
    asked["mid"] = 0x00030007  # StartPlaying
    one, answer = np.zeros(1, np.int64), np.full(1, 4)
    control = _bulk.Control(asked, one, answer, one - 1, one, np.array([0, 1]))
    kinds = (
        np.zeros(1, np.int32), np.empty(0, np.int32), np.empty(0, np.uint8), one,
        np.empty(0, np.uint32),
    )  # fmt: skip
    rows, places = np.zeros(1, PLAIN), (np.empty(count, np.int64), np.empty(count, np.int64))
    order, server = np.arange(count), np.zeros(1, np.int32)

    def plain() -> np.ndarray:
        rows["plain"] = 1
        made = control.plain(kinds, (data, order, bounds), server, rows, places)
        return made.array(SEGMENTS)

    segments = plain()
    assert segments["count"].tolist() == [count]
    assert hears(plain)
    send, level = np.arange(count), np.zeros((1, 5), np.int64)
    played, preroll = np.zeros(1, np.uint8), np.full(1, 1_000_000)
    media = (data, places[1])
    assert hears(_bulk.levels, media, segments, send, preroll, played, level)


def test_written_packets_are_left_in_the_midst() -> None:
    # the buffer was begun, but not filled: the signal came while it was written
    count = 40_000
    heads = np.zeros(count, DATA_HEADER)
    heads["play_incarnation"], heads["packet_size"] = 4, 2008
    payload, starts = bytes(2000), np.zeros(count, np.int64)
    out = np.zeros(count * 2008, np.uint8)
    while not (interrupted(_encode.data, heads, count, starts, payload, out) and out[4]):
        out[:] = 0
    assert out[-2004] == 0


@pytest.mark.parametrize("head", ["pcap", "pcapng"])
def test_search_behind_damage(noise: bytes, head: str) -> None:
    heads = {
        "pcap": struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1),
        "pcapng": struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28),
    }
    source = MemorySource(heads[head] + noise)
    assert interrupted(Engine().run, Merge([source]))
