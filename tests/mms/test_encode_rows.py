"""`mms.encode` from arrays of rows: the kernel agrees with the encoder of single messages."""

import mmap
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmscodec import mms
from mmscodec.errors import EncodeError
from mmscodec.schema import dtypes
from mmscodec.schema import mms as schema
from tests import strategies
from tests.oracle import mms as oracle

FIXED = [message for message in schema.MESSAGES if not message.variable]
VARIABLE = [message for message in schema.MESSAGES if message.variable]


def row_of(wire):
    """A decoded row: the fixed part of a bare message, optional fields zero where missing."""
    message = schema.BY_MID[int.from_bytes(wire[4:8], "little")]
    dtype = dtypes.ROWS[message.name]
    size = message.fixed_size
    if message.name == "LinkViewerToMacStartPlaying":
        size = min(size, 8 * int.from_bytes(wire[:4], "little"))
    return np.frombuffer(wire[:size].ljust(dtype.itemsize, b"\0"), dtype)


def draw_wires(data, message, count, **options):
    rows = [data.draw(strategies.message_fields(message)) for _ in range(count)]
    return rows, [mms.encode(message.name, packet=False, **fields, **options) for fields in rows]


@pytest.mark.parametrize("message", FIXED, ids=lambda message: message.name)
@given(data=st.data())
@settings(max_examples=25)
def test_rows_of_fixed_messages_equal_single_packets(message, data):
    count = data.draw(st.integers(0, 5))
    first = data.draw(st.integers(0, 65535))
    fields, wires = draw_wires(data, message, count)
    rows = np.concatenate(
        [row_of(wire) for wire in wires] or [np.empty(0, dtypes.ROWS[message.name])]
    )
    whole = mms.encode(message.name, rows, seq=first)
    singles = [
        mms.encode(message.name, seq=(first + i) & 0xFFFF, **item) for i, item in enumerate(fields)
    ]
    assert whole == b"".join(singles)
    assert mms.encode(message.name, rows, packet=False) == b"".join(wires)


@pytest.mark.parametrize("message", VARIABLE, ids=lambda message: message.name)
@given(data=st.data())
@settings(max_examples=25)
def test_rows_with_variable_fields_equal_single_packets(message, data):
    count = data.draw(st.integers(1, 4))
    fields, wires = draw_wires(data, message, count)
    rows = np.concatenate([row_of(wire) for wire in wires])
    columns = {
        field.python_name: [item.get(field.python_name) for item in fields]
        for field in message.variable
    }
    whole = mms.encode(message.name, rows, packet=False, **columns)
    assert whole == b"".join(wires)


def test_a_single_row_is_encoded_with_its_values():
    wire = mms.encode(
        "LinkViewerToMacLogging", packet=False, log={"sz_os": "XP", "info": {"rate": -2}}
    )
    row = row_of(wire)[0]
    assert mms.encode("LinkViewerToMacLogging", row, packet=False) == wire


def test_chunk_len_of_a_row_gives_surplus_padding():
    rows = np.zeros(2, dtypes.ROWS["LinkMacToViewerPing"])
    rows["chunk_len"] = 5, 0
    wire = mms.encode("LinkMacToViewerPing", rows)
    first, second = oracle.stream(wire)
    assert (len(first.data), len(second.data)) == (72, 48)
    assert wire == mms.encode("LinkMacToViewerPing", pad=24) + mms.encode(
        "LinkMacToViewerPing", seq=1
    )


@pytest.mark.parametrize(("chunk_len", "size"), [(0, 40), (5, 40), (6, 48), (7, 56), (8, 64)])
def test_optional_fields_follow_chunk_len(chunk_len, size):
    rows = np.zeros(1, dtypes.ROWS["LinkViewerToMacStartPlaying"])
    rows["chunk_len"] = chunk_len
    rows["dw_accel_bandwidth"], rows["dw_accel_duration"], rows["dw_link_bandwidth"] = 1, 2, 3
    wire = mms.encode("LinkViewerToMacStartPlaying", rows, packet=False)
    assert len(wire) == size
    there = np.frombuffer(wire[40:52].ljust(12, b"\0"), "<u4")
    assert there.tolist() == [1 * (size >= 48), 2 * (size >= 48), 3 * (size >= 56)]


def test_seq_wraps_and_may_be_a_column():
    rows = np.zeros(3, dtypes.ROWS["LinkMacToViewerPing"])
    for seq in (65534, np.array([65534, 65535, 0])):
        wire = mms.encode("LinkMacToViewerPing", rows, seq=seq, time_sent=[1, 2, 2**64 - 1])
        packets = oracle.stream(wire)
        assert [item.header["seq"] for item in packets] == [65534, 65535, 0]
        assert [item.header["time_sent"] for item in packets] == [1, 2, 2**64 - 1]


def test_chunk_count_of_rows_follows_its_argument():
    rows = np.zeros(1, dtypes.ROWS["LinkMacToViewerPing"])
    for choice, count in (("peers", 4), ("spec", 6), (77, 77)):
        (packet,) = oracle.stream(mms.encode("LinkMacToViewerPing", rows, chunk_count=choice))
        assert packet.header["chunk_count"] == count


def test_rows_of_a_capture_and_strided_rows_are_taken():
    wide = np.zeros(6, dtypes.in_capture(dtypes.ROWS["LinkMacToViewerPing"]))
    wide["dw_param1"] = range(6)
    plain = np.zeros(3, dtypes.ROWS["LinkMacToViewerPing"])
    plain["dw_param1"] = 0, 2, 4
    assert mms.encode("LinkMacToViewerPing", wide[::2]) == mms.encode("LinkMacToViewerPing", plain)


@pytest.mark.parametrize(
    ("column", "value", "field"),
    [
        ("chunk_len", 1, "chunkLen"),
        ("mid", 0x0003001B, "MID"),
        ("chunk_len", 2**29, "messageLength"),
    ],
)
def test_rows_that_cannot_be_written_are_refused_with_their_number(column, value, field):
    rows = np.zeros(4, dtypes.ROWS["LinkMacToViewerPing"])
    rows[column][2] = value
    with pytest.raises(EncodeError) as caught:
        mms.encode("LinkMacToViewerPing", rows)
    assert (caught.value.field, caught.value.offset) == (field, 2)


def test_wrong_rows_and_columns_are_type_errors():
    rows = np.zeros(2, dtypes.ROWS["LinkViewerToMacConnect"])
    with pytest.raises(TypeError, match="dtype"):
        mms.encode("LinkMacToViewerReportOpenFile", rows)
    with pytest.raises(TypeError, match="belongs into the rows"):
        mms.encode("LinkViewerToMacConnect", rows, play_incarnation=[1, 2])
    with pytest.raises(TypeError, match="no variable field"):
        mms.encode("LinkMacToViewerPing", np.zeros(1, dtypes.ROWS["LinkMacToViewerPing"]), x=[1])
    with pytest.raises(EncodeError, match="1 for 2 rows"):
        mms.encode("LinkViewerToMacConnect", rows, subscriber_name=["a"])
    with pytest.raises(EncodeError, match="values for 2 rows"):
        mms.encode("LinkViewerToMacConnect", rows, subscriber_name=["a", "b"], seq=[1])


def data_rows(count):
    rows = np.zeros(count, dtypes.DATA)
    rows["location_id"] = np.arange(count) + 7
    rows["play_incarnation"] = 9
    rows["af_flags"] = np.arange(count) & 0xFF
    return rows


def expected_data(rows, payloads):
    return b"".join(
        mms.encode(
            "Data",
            payload=payload,
            location_id=int(row["location_id"]),
            play_incarnation=int(row["play_incarnation"]),
            af_flags=int(row["af_flags"]),
        )
        for row, payload in zip(rows, payloads, strict=True)
    )


@given(payloads=st.lists(st.binary(max_size=50), max_size=20))
def test_data_rows_with_payloads_equal_single_data_packets(payloads):
    rows = data_rows(len(payloads))
    assert mms.encode("Data", rows, payloads=payloads) == expected_data(rows, payloads)


def test_data_payloads_may_be_an_array_or_places_in_a_buffer():
    table = np.arange(30, dtype=np.uint8).reshape(3, 10)
    rows = data_rows(3)
    expected = expected_data(rows, [bytes(line) for line in table])
    assert mms.encode("Data", rows, payloads=table) == expected
    places = (table.tobytes(), np.array([0, 10, 20]), np.array([10, 10, 10]))
    assert mms.encode("Data", rows, payloads=places) == expected


def test_data_payload_limits():
    assert len(mms.encode("Data", data_rows(1), payloads=[bytes(65527)])) == 65535
    with pytest.raises(EncodeError) as caught:
        mms.encode("Data", data_rows(2), payloads=[b"", bytes(65528)])
    assert (caught.value.field, caught.value.offset) == ("PacketSize", 1)
    for start, length in ((3, 3), (-1, 1), (6, 0), (2**62, 1)):
        places = (b"12345", np.array([start]), np.array([length]))
        with pytest.raises(EncodeError):
            mms.encode("Data", data_rows(1), payloads=places)
    with pytest.raises(EncodeError):
        mms.encode("Data", data_rows(2), payloads=[b""])
    with pytest.raises(TypeError):
        mms.encode("Data", data_rows(2))


@pytest.mark.parametrize("kind", ["bytearray", "array", "mmap"])
def test_output_goes_into_a_given_buffer_and_no_further(kind):
    rows = np.zeros(3, dtypes.ROWS["LinkMacToViewerPing"])
    whole = mms.encode("LinkMacToViewerPing", rows)
    size = len(whole) + 8
    out = {"bytearray": bytearray, "array": lambda n: np.zeros(n, "u1"),
           "mmap": lambda n: mmap.mmap(-1, n)}[kind](size)  # fmt: skip
    view = mms.encode("LinkMacToViewerPing", rows, out=out)
    assert view == whole
    assert bytes(memoryview(out))[len(whole) :] == bytes(8)
    del view


def test_output_that_is_too_small_or_read_only_is_refused():
    rows = np.zeros(3, dtypes.ROWS["LinkMacToViewerPing"])
    with pytest.raises(EncodeError) as caught:
        mms.encode("LinkMacToViewerPing", rows, out=bytearray(143))
    assert (caught.value.need, caught.value.have) == (144, 143)
    with pytest.raises(BufferError):
        mms.encode("LinkMacToViewerPing", rows, out=b"x" * 200)


def test_long_arrays_are_written_without_the_gil():
    count = 20_000
    rows = np.zeros(count, dtypes.ROWS["LinkMacToViewerPing"])
    rows["dw_param2"] = np.arange(count)
    before = sys.getrefcount(rows)
    wire = np.frombuffer(mms.encode("LinkMacToViewerPing", rows, seq=5), "<u4").reshape(count, 12)
    assert (wire[:, 11] == np.arange(count)).all()
    assert (wire[:, 5] == (np.arange(count) + 5) % 65536).all()
    assert sys.getrefcount(rows) == before
