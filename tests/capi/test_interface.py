"""The C interface by itself: rows, bytes, states and what may go wrong."""

import ctypes
from pathlib import Path

import numpy as np
import pytest

import mmscodec
from mmscodec import mms
from mmscodec._kernels.core.allocator import allocations
from tests.capi import given, table
from tests.capi.table import API, MMS
from tests.mms import streams

STREAMS = given.every()
PING = streams.PING


def fed(stream: bytes, size: int) -> dict[str, list]:
    with table.decoder() as made:
        parts = []
        for at in range(0, len(stream), size):
            chunk = stream[at : at + size]
            assert MMS.feed(made, chunk, len(chunk)) == table.OK
            parts.append(table.rows(made))
        assert MMS.finish(made) == table.OK
        return table.joined([*parts, table.rows(made)])


@pytest.mark.parametrize("size", [size for size in given.SIZES if size > 1])
@pytest.mark.parametrize("name", STREAMS)
def test_rows_are_those_of_the_decoder(name, size):
    assert fed(STREAMS[name], size) == given.wanted(STREAMS[name], size)


def test_rows_are_those_of_the_decoder_byte_by_byte():
    for name in ("server 1", "server 2, damaged", "pings"):
        stream = STREAMS[name][:20_000]
        assert fed(stream, 1) == given.wanted(stream, 1)


@pytest.mark.parametrize("size", [5, 700, 1400, 9000, 1 << 30])
@pytest.mark.parametrize("name", ["server 0", "server 2, damaged"])
def test_bytes_of_a_row_are_those_of_the_stream(name, size):
    stream = STREAMS[name][:60_000]
    seen = 0
    with table.decoder() as made:
        for at in range(0, len(stream), size):
            chunk = stream[at : at + size]
            assert MMS.feed(made, chunk, len(chunk)) == table.OK
            for kind in ("packets", "messages", "data"):
                for row in table.table(table.rows(made), kind):
                    offset, length = int(row["offset"]), int(row["length"])
                    where = MMS.bytes(made, offset, length)
                    assert ctypes.string_at(where, length) == stream[offset : offset + length]
                    seen += 1
    assert seen >= 20


def test_bytes_of_no_row_are_none():
    with table.decoder() as made:
        assert MMS.bytes(made, 0, 0) is None
        assert MMS.feed(made, PING + PING[:9], len(PING) + 9) == table.OK
        assert MMS.bytes(made, 0, len(PING)) is not None
        assert MMS.bytes(made, -1, 1) is None
        assert MMS.bytes(made, 0, len(PING) + 1) is None
        assert MMS.bytes(made, len(PING), 1) is None
        assert MMS.bytes(made, 2**62, 1) is None
        assert MMS.bytes(made, 0, 2**64 - 1) is None
        rest = PING[9:] + PING * 20
        assert MMS.feed(made, rest, len(rest)) == table.OK
        assert MMS.bytes(made, 0, 1) is None  # of the call before
        assert MMS.bytes(made, len(PING), 20 * len(PING)) is None  # they lie in two places
        for at in range(1, 22):
            where = MMS.bytes(made, at * len(PING), len(PING))
            assert ctypes.string_at(where, len(PING)) == PING


def test_position_and_what_waits_are_those_of_the_decoder():
    stream = STREAMS["server 2, damaged"]
    decoder = mms.Decoder()
    with table.decoder() as made:
        for at in range(0, len(stream), 333):
            chunk = stream[at : at + 333]
            MMS.feed(made, chunk, len(chunk))
            decoder.feed(chunk)
            assert MMS.position(made) == decoder.position
            assert MMS.buffered(made) == decoder.buffered


def test_no_bytes_are_a_chunk_too():
    with table.decoder() as made:
        assert MMS.feed(made, PING, len(PING)) == table.OK
        assert len(table.rows(made)["packets"])
        assert MMS.feed(made, None, 0) == table.OK
        assert table.joined([table.rows(made)]) == {name: [] for name in table.DTYPES}


def test_a_decoder_that_is_closed_says_so_until_it_is_reset():
    with table.decoder() as made:
        assert MMS.feed(made, PING[:9], 9) == table.OK
        assert MMS.finish(made) == table.OK
        assert MMS.buffered(made) == 9
        assert MMS.feed(made, PING, len(PING)) == table.CLOSED
        assert MMS.finish(made) == table.CLOSED
        assert MMS.reset(made) == table.OK
        assert (MMS.position(made), MMS.buffered(made)) == (0, 0)
        assert MMS.feed(made, PING, len(PING)) == table.OK
        assert MMS.position(made) == len(PING)


def test_nothing_behind_a_fault_is_decoded_where_the_options_say_so():
    stream = PING + bytes(100) + PING * 3
    with table.decoder(flags=table.STOP_AT_FAULT) as made:
        assert MMS.feed(made, stream, len(stream)) == table.STOPPED
        found = table.rows(made)
        assert table.table(found, "packets")["offset"].tolist() == [0]
        assert len(table.table(found, "faults")) == 1
        assert MMS.feed(made, PING, len(PING)) == table.CLOSED
        assert MMS.reset(made) == table.OK
        assert MMS.feed(made, stream, len(stream)) == table.STOPPED  # the option is still there
    with table.decoder() as made:
        assert MMS.feed(made, stream, len(stream)) == table.OK
        assert len(table.table(table.rows(made), "packets")) == 4


def test_options_are_those_of_the_decoder():
    packet = streams.data(0, 4, 0, bytes(500))
    with table.decoder() as made, table.decoder(flags=table.LIVE) as live:
        for one in (made, live):
            MMS.feed(one, packet, len(packet))
        assert [len(table.rows(one)["data"]) > 0 for one in (made, live)] == [False, True]
    resend = mms.encode("RequestPacketListResend", dw_begin_packet_list=[3, 4])
    with table.decoder() as made, table.decoder(flags=table.UDP) as datagrams:
        found = []
        for one in (made, datagrams):
            MMS.feed(one, resend, len(resend))
            parts = [table.rows(one)]
            MMS.finish(one)
            found.append(len(table.joined([*parts, table.rows(one)])["messages"]))
        assert found == [0, 1]
    with table.decoder(max_packet=40) as made:
        MMS.feed(made, PING * 2, 2 * len(PING))
        assert len(table.table(table.rows(made), "packets")) == 0
        assert table.rows(made)["faults"] or MMS.buffered(made)


@pytest.mark.parametrize(
    ("size", "most", "flags"),
    [(0, 1 << 20, 0), (8, 1 << 20, 0), (16, 31, 0), (16, 0, 0), (16, 1 << 20, 8)],
)
def test_options_that_are_none_are_refused(size, most, flags):
    made = ctypes.c_void_p(1)
    options = table.Options(size, most, flags)
    assert MMS.create(ctypes.byref(made), ctypes.byref(options)) == table.BAD_OPTION
    assert made.value is None
    MMS.destroy(made)  # none is no error


def test_without_options_a_decoder_is_the_usual_one():
    made = ctypes.c_void_p()
    assert MMS.create(ctypes.byref(made), None) == table.OK
    assert MMS.feed(made, PING, len(PING)) == table.OK
    assert len(table.table(table.rows(made), "messages")) == 1
    MMS.destroy(made)


@pytest.mark.parametrize("chunk", [100, 1400, 5000])
def test_the_steady_state_asks_for_no_memory(chunk):
    media = b"".join(streams.data(i, 9, i, bytes(1440)) + PING * (i % 7 == 0) for i in range(400))
    with table.decoder() as made:
        asked = []
        for _ in range(4):
            for at in range(0, len(media), chunk):
                part = media[at : at + chunk]
                assert MMS.feed(made, part, len(part)) == table.OK
            asked.append(allocations())
    assert asked[1:] == [asked[1]] * 3


def test_every_status_has_words():
    texts = {API.status_text(status) for status in range(-4, 2)}
    assert len(texts) == 6
    assert API.status_text(77) == b"no status of mmscodec"
    assert API.version.decode() == mmscodec.__version__


def test_the_declarations_for_cython_have_the_rows_of_the_tables():
    text = (Path(mmscodec.__file__).parent / "capi.pxd").read_text(encoding="utf-8")
    for name, dtype in zip(("packet", "message", "data", "fault"), table.DTYPES.values()):
        body = text.partition(f"struct mmscodec_mms_{name}:\n")[2].partition("\n\n")[0]
        found = [line.split() for line in body.splitlines()]
        kinds = {"i": "int", "u": "uint"}
        assert found == [
            [f"{kinds[kind.kind]}{8 * kind.itemsize}_t", column]
            for column, kind in ((column, dtype[column]) for column in dtype.names)
        ]


def test_a_large_chunk_is_decoded_in_place():
    stream = np.frombuffer(PING * 200_000, np.uint8)
    with table.decoder() as made:
        held = ctypes.cast(stream.ctypes.data, ctypes.c_char_p)
        assert MMS.feed(made, held, stream.nbytes) == table.OK
        packets = table.table(table.rows(made), "packets")
        assert len(packets) == 200_000
        first = MMS.bytes(made, int(packets["offset"][777]), len(PING))
        assert first == stream.ctypes.data + 777 * len(PING)
