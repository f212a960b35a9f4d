"""Many connections in one call give what a decoder for each of them gives."""

import random

import pytest

from mmscodec import mms
from tests.mms import streams


def chopped(rng, stream):
    at = 0
    while at < len(stream):
        size = rng.choice([1, 50, 700, 1400, 9000])
        yield stream[at : at + size]
        at += size


def test_rows_are_those_of_a_decoder_for_each():
    rng = random.Random(11)
    wanted = [
        b"".join(streams.server_stream(rng, 30, varying=k % 2 == 0, fake=k % 3 == 0))
        for k in range(20)
    ]
    decoders = mms.Decoders()
    numbers = [decoders.open() for _ in wanted]
    rest = {number: chopped(rng, stream) for number, stream in zip(numbers, wanted, strict=True)}
    rows = {number: {"packets": [], "data": []} for number in numbers}
    while rest:
        picked = [rng.choice(list(rest)) for _ in range(8)]
        pairs = [(number, next(rest[number], None)) for number in picked]
        for number, chunk in pairs:
            if chunk is None:
                rest.pop(number, None)
        pairs = [(number, chunk) for number, chunk in pairs if chunk is not None]
        batch = decoders.feed([n for n, _ in pairs], [c for _, c in pairs], range(len(pairs)))
        assert len(batch.faults) == 0
        for name in ("packets", "data"):
            for row in getattr(batch, name):
                rows[int(row["flow"])][name].append((int(row["offset"]), int(row["length"])))
    for number, stream in zip(numbers, wanted, strict=True):
        batch = decoders.close(number)
        rows[number]["data"] += [(int(r["offset"]), int(r["length"])) for r in batch.data]
        whole = mms.decode(stream)
        for name in ("packets", "data"):
            table = getattr(whole, name)
            assert rows[number][name] == list(
                zip(table["offset"].tolist(), table["length"].tolist(), strict=True)
            )
    assert len(decoders) == 0


def test_fields_carry_connection_and_time():
    decoders = mms.Decoders()
    first, second = decoders.open(), decoders.open()
    packet = mms.encode("LinkViewerToMacOpenFile", file_name="film.asf", play_incarnation=3)
    decoders.feed([first, second], [packet[:50], packet[:7]])
    batch = decoders.feed([second, first], [packet[7:], packet[50:]], [10, 20])
    rows = batch["LinkViewerToMacOpenFile"]
    assert rows[["play_incarnation", "flow", "time"]].tolist() == [(3, second, 10), (3, first, 20)]
    names = batch.column("LinkViewerToMacOpenFile", "file_name").tolist()
    assert names == ["film.asf", "film.asf"]


def test_an_unfinished_packet_of_a_closed_connection_is_a_fault():
    decoders = mms.Decoders()
    number = decoders.open()
    decoders.feed([number], [streams.PING + streams.PING[:40]])
    assert decoders.buffered(number) == 40
    faults = decoders.close(number).faults
    assert faults["offset"].tolist() == [48]
    assert faults["have"].tolist() == [40]
    with pytest.raises(ValueError, match="no connection"):
        decoders.feed([number], [b""])


def test_memory_of_a_connection_has_a_ceiling():
    decoders = mms.Decoders(max_packet=4096)
    number = decoders.open()
    head = bytearray(streams.PING[:32])
    head[8:12] = (1 << 20).to_bytes(4, "little")
    for _ in range(500):
        decoders.feed([number], [bytes(head) + bytes(2000)])
        assert decoders.buffered(number) < 250_000


def test_tables_are_those_of_a_decoder_with_connection_and_time():
    pa = pytest.importorskip("pyarrow")
    decoders, single = mms.Decoders(), mms.Decoder()
    data = mms.encode("LinkMacToViewerPing") + mms.encode(
        "LinkViewerToMacOpenFile", file_name="a\u00e9", token_data=b"secret"
    )
    other, one = decoders.open(), decoders.open()
    many = decoders.feed([one, other], [data, data[:9]], [7, 8])
    batch = single.feed(data)
    for name in ("packets", "messages", "data", "faults", "LinkViewerToMacOpenFile"):
        got, wanted = pa.table(many.table(name)), pa.table(batch.table(name))
        assert got.column_names[:2] == ["time", "flow"]
        assert got.drop_columns(["time", "flow"]).equals(wanted)
        assert got["flow"].to_pylist() == [one] * len(wanted)
        assert got["time"].cast("int64").to_pylist() == [7] * len(wanted)
    shown = pa.table(many.table("LinkViewerToMacOpenFile", secrets=True))
    assert shown["token_data"].to_pylist() == [b"secret"]
    with pytest.raises(KeyError, match="messags"):
        many.table("messags")
