"""Every vector is decoded to what its file says, and back to its bytes."""

import contextlib
import json
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmscodec import mms
from mmscodec.errors import EncodeError
from mmscodec.schema import mms as schema
from tests import strategies, vectorfiles
from tests.oracle import mms as oracle

VECTORS = vectorfiles.load("mms")
STREAMS = [vector for vector in VECTORS if vector.transport == "tcp"]
# surplus padding is not in the rows of one kind, packets of several messages are not either
SINGLE = [
    vector
    for vector in STREAMS
    if vector.canonical and [p["message_count"] for p in vector.expected.get("packets", ())] == [1]
]
SPEC = json.loads((vectorfiles.VECTORS / "spec/mms.json").read_text(encoding="utf-8"))
PUBLISHED = [bytes.fromhex(v["hex"]) for v in SPEC["example_vectors"] + SPEC["captured_vectors"]]
every_vector = pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)


def decoded(vector):
    return mms.decode(vector.data, transport=vector.transport)


@every_vector
def test_a_vector_has_no_faults_and_is_understood_to_its_end(vector):
    batch = decoded(vector)
    assert batch.faults.text() == []
    assert batch.consumed == len(vector.data)


@every_vector
def test_packets_are_those_of_the_file(vector):
    check_rows(decoded(vector).packets, vector.expected.get("packets", []))


@every_vector
def test_data_packets_are_those_of_the_file(vector):
    batch = decoded(vector)
    expected = vector.expected.get("data", [])
    check_rows(batch.data, [{k: v for k, v in row.items() if k != "payload"} for row in expected])
    payloads = [bytes(batch.payload(i)) for i in range(len(batch.data))]
    assert payloads == [bytes.fromhex(row["payload"]) for row in expected]


def check_rows(table, expected):
    assert len(table) == len(expected)
    for row, wanted in zip(table, expected, strict=True):
        assert {name: row[name].item() for name in wanted} == wanted


@every_vector
def test_messages_have_the_fields_of_the_file(vector):
    batch = decoded(vector)
    expected = vector.expected.get("messages", [])
    assert len(batch.messages) == len(expected)
    for number, wanted in enumerate(expected):
        name = wanted["name"]
        place = np.flatnonzero(batch.rows(name) == number)
        assert len(place) == 1, name
        check_fields(batch, name, int(place[0]), wanted, batch.messages[number])


def check_fields(batch, name, place, wanted, row):
    struct = schema.BY_NAME.get(name, schema.RESEND)
    names = {field.python_name for field in struct.fields}
    for key, value in wanted.items():
        if key in names:
            got = batch.column(name, key)[place]
            check_value(struct[key], got, value)
        elif key != "name":
            assert row[key].item() == value


def check_value(field, got, value):
    if field.kind == "struct":
        assert plain(got, field.struct) == value
    elif field.kind == "array":
        assert [list(item.item()) if item.dtype.names else item.item() for item in got] == value
    elif value is None:
        assert got is None or got is np.ma.masked or got == ""
    else:
        assert got == value


def plain(row, struct):
    """A nested record as dictionaries with texts."""
    out = {}
    for field in struct.fields:
        value = row[field.python_name]
        if field.kind == "struct":
            out[field.python_name] = plain(value, field.struct)
        elif field.kind == "ansi":
            out[field.python_name] = value.decode("ascii")
        else:
            out[field.python_name] = value.item()
    return out


@every_vector
def test_a_batch_is_written_back_as_it_was(vector):
    assert mms.encode(decoded(vector)) == vector.data
    out = bytearray(len(vector.data) + 3)
    assert mms.encode(decoded(vector), out=out) == vector.data


@every_vector
def test_the_oracle_sees_the_same_rows(vector):
    batch = decoded(vector)
    items = oracle.stream(vector.data, udp=vector.transport == "udp")
    packets = [item for item in items if isinstance(item, oracle.Packet)]
    data = [item for item in items if isinstance(item, oracle.Data)]
    alone = [item for item in items if isinstance(item, oracle.Parsed)]
    messages = [message for packet in packets for message in packet.messages] + alone
    assert batch.packets["offset"].tolist() == [item.offset for item in packets]
    assert batch.data["offset"].tolist() == [item.offset for item in data]
    assert batch.messages["offset"].tolist() == [item.offset for item in messages]
    assert [schema.message_name(mid) for mid in batch.messages["mid"]] == [m.name for m in messages]


@pytest.mark.parametrize("vector", STREAMS, ids=lambda vector: vector.name)
def test_pieces_of_a_stream_are_written_back_together(vector):
    for cut in range(len(vector.data) + 1):
        decoder = mms.Decoder()
        parts = [decoder.feed(vector.data[:cut]), decoder.feed(vector.data[cut:]), decoder.close()]
        assert b"".join(mms.encode(part) for part in parts) == vector.data


@pytest.mark.parametrize("data", PUBLISHED, ids=range(len(PUBLISHED)))
def test_published_vectors_are_written_back_as_they_were(data):
    transport = "udp" if data.startswith(b"\x0d\xf0\xef\xbe") else "tcp"
    batch = mms.decode(data, transport=transport)
    assert batch.faults.text() == []
    assert len(batch.packets) + len(batch.data) + (transport == "udp") == 1
    assert mms.encode(batch) == data


def least_padding(name, fields):
    for size in range(8):
        with contextlib.suppress(EncodeError):
            mms.encode(name, packet=False, pad=size, **fields)
            return size
    raise AssertionError("no padding fits")


HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "rep": st.integers(0, 255),
        "padding": st.integers(0, 255),
        "mbz": st.integers(0, 65535),
        "time_sent": st.integers(0, 2**64 - 1),
        "chunk_count": st.integers(0, 2**32 - 1),
        "seq": st.integers(0, 65535),
    },
)
PADS = st.one_of(st.none(), st.integers(0, 3))


@given(packets=st.lists(st.tuples(strategies.messages(), HEADERS, PADS), max_size=6))
def test_non_canonical_packets_are_written_back_as_they_were(packets):
    """Surplus and stale padding, odd chunkCount, seq, MBZ and timeSent."""
    wire = b""
    for (name, fields), header, surplus in packets:
        pad = None
        if surplus is not None:
            pad = b"\xa5" * (least_padding(name, fields) + 8 * surplus)
        wire += mms.encode(name, header=header, pad=pad, **fields)
    batch = mms.decode(wire)
    assert batch.faults.text() == []
    assert mms.encode(batch) == wire


def test_a_capture_is_not_a_batch():
    tables = SimpleNamespace(packets=None, data=None)
    with pytest.raises(TypeError, match="stream"):
        mms.encode(tables)


def test_bytes_that_a_fault_skipped_are_left_out():
    ping = mms.encode("LinkMacToViewerPing")
    batch = mms.decode(ping + b"garbage in between!!" + ping)
    assert len(batch.faults) == 1
    assert mms.encode(batch) == ping + ping


@pytest.mark.parametrize("vector", SINGLE, ids=lambda vector: vector.name)
def test_rows_of_a_batch_are_encoded_to_canonical_packets(vector):
    """encode(decode(x)) == x through the structured arrays, where x is canonical."""
    batch = decoded(vector)
    (packet,) = batch.packets
    name = vector.expected["messages"][0]["name"]
    columns = {
        field.python_name: batch.column(name, field.python_name)
        for field in schema.BY_NAME[name].variable
    }
    wire = mms.encode(
        name,
        batch[name],
        seq=packet["seq"],
        time_sent=packet["time_sent"],
        chunk_count=int(packet["chunk_count"]),
        **columns,
    )
    assert wire == vector.data
