import ipaddress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmscodec import winmx
from mmscodec.errors import EncodeError
from mmscodec.schema.winmx import BY_NAME
from tests.winmx import samples
from tests.winmx import vectors as v


def test_frames_of_the_notes_byte_for_byte():
    encode = winmx.encode
    assert (
        encode("UserInfo", base_user_name="Gumdrop609", line_type=8, tcp_transfer_port=2378)
        == v.USER_INFO
    )
    assert encode("QueueStatus", status_text="9006 6 of 6 available") == v.QUEUE_STATUS
    assert encode("UserInfoAcknowledgement", session_id=0x5316) == v.ACKNOWLEDGED
    assert encode("RoomListRequest", zero=0) == v.ROOM_LIST_REQUEST
    assert encode("RoomListRequest") == v.ROOM_LIST_REQUEST[:2] + b"\0\0"
    assert (
        encode(
            "HashSearch", search_id=12, minimum_line_type=0, file_type=2, digest=v.HASH_SEARCH[-16:]
        )
        == v.HASH_SEARCH
    )
    assert encode(winmx.node_lists(v.NODE_LIST)) == v.NODE_LIST
    nodes = winmx.decode(v.NODE_LIST).nodes
    assert encode("NodeList", nodes=nodes) == v.NODE_LIST
    assert encode("NodeList", nodes=v.NODE_LIST[4:]) == v.NODE_LIST


@pytest.mark.parametrize("item", samples.KNOWN, ids=lambda item: item.name)
@given(data=st.data())
def test_every_packet_comes_back_from_its_bytes(item, data):
    fields = data.draw(samples.packet_fields(item))
    frame = winmx.encode(item.name, **fields)
    batch = winmx.decode(frame, link=item.link, direction=item.direction)
    assert len(batch.packets) == 1
    assert len(batch.faults) == 0
    rows = batch[item.name]
    assert len(rows) == 1
    if item.mid < 0:
        return
    again = batch.fields(0)
    for name, value in fields.items():
        if BY_NAME[item.name][name].kind == "ansi":
            value = value.removesuffix("\0")
        assert again[name] == value
    assert winmx.encode(item.name, **again) == frame


@given(st.lists(st.tuples(st.integers(0, 20), st.binary(min_size=240, max_size=240)), max_size=8))
def test_batches_of_nodes_come_back_from_their_bytes(lists):
    data = b"".join(
        b"\xa1\x03" + (12 * n).to_bytes(2, "little") + body[: 12 * n] for n, body in lists if n
    )
    assert winmx.encode(winmx.decode(data).nodes) == data


def test_many_packets_in_one_call_into_the_callers_memory():
    records = np.random.default_rng(3).integers(0, 256, 96 * 1000, np.uint8)
    records = records.view(winmx.RECORD_DTYPE).reshape(1000, 8)
    data = winmx.encode(records)
    assert len(data) == 100_000
    assert (winmx.node_lists(data) == records).all()
    out = bytearray(100_001)
    written = winmx.encode(records, out=out)
    assert written == data
    assert out == data + b"\0"
    with pytest.raises(ValueError, match="are needed"):
        winmx.encode(records, out=bytearray(99_999))
    ragged = winmx.decode(data).nodes[3:]
    assert winmx.encode(ragged, out=out) == winmx.encode(ragged)


def test_nodes_of_other_shapes():
    records = winmx.node_lists(v.NODE_LIST * 3)
    assert winmx.encode(records[1]) == v.NODE_LIST
    assert winmx.encode(records[:, :2]) == (b"\xa1\x03\x18\0" + v.NODE_LIST[4:28]) * 3
    assert winmx.encode(records[:0]) == b""
    assert winmx.encode(winmx.decode(b"").nodes) == b""
    with pytest.raises(EncodeError, match="shape"):
        winmx.encode(records.reshape(1, 3, 8))
    with pytest.raises(EncodeError, match="do not fit"):
        winmx.encode(np.zeros(5462, winmx.RECORD_DTYPE))
    with pytest.raises(EncodeError, match="column"):
        winmx.encode(np.zeros(8, [("ip", ">u4")]))


@pytest.mark.parametrize(
    "address", ["192.0.2.7", 0xC0000207, bytes([192, 0, 2, 7]), ipaddress.IPv4Address("192.0.2.7")]
)
def test_addresses_are_taken_in_every_form(address):
    frame = winmx.encode("UserLeft", user_name="a", primary_ip=address, primary_udp_port=6257)
    assert frame == b"\x73\0\x08\0a\0\xc0\0\x02\x07\x71\x18"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"base_user_name": "a", "line_type": 1}, "tcp_transfer_port is missing"),
        ({"base_user_name": "a", "line_type": 65536, "tcp_transfer_port": 1}, "not in 0 to 65535"),
        ({"base_user_name": "a", "line_type": -1, "tcp_transfer_port": 1}, "not in 0 to 65535"),
        ({"base_user_name": "a\0b", "line_type": 1, "tcp_transfer_port": 1}, "00 byte"),
        ({"base_user_name": "€", "line_type": 1, "tcp_transfer_port": 1}, "can't encode"),
        ({"base_user_name": "a" * 65536, "line_type": 1, "tcp_transfer_port": 1}, "a frame holds"),
    ],
)
def test_values_that_do_not_fit_are_refused(fields, words):
    with pytest.raises(EncodeError, match=words):
        winmx.encode("UserInfo", **fields)


def test_raw_bytes_must_have_their_size():
    with pytest.raises(EncodeError, match="16 bytes"):
        winmx.encode("HashSearch", search_id=1, minimum_line_type=0, file_type=1, digest=bytes(15))


def test_surplus_bytes_are_written_and_found():
    frame = winmx.encode("JoinAccepted", marker=0x31, surplus=b"more")
    batch = winmx.decode(frame, link="chat")
    assert batch["JoinAccepted"]["surplus"].tolist() == [4]
    assert "behind the last field" in batch.findings.text()[0]
    assert winmx.encode("JoinAccepted", **batch.fields(0)) == frame


def test_an_unknown_name_is_refused():
    with pytest.raises(EncodeError, match="NoSuchPacket"):
        winmx.encode("NoSuchPacket")


def test_an_unknown_field_is_refused():
    given = {"base_user_name": "a", "line_type": 1, "tcp_transfer_port": 1, "age": 5}
    with pytest.raises(TypeError, match="no field 'age'"):
        winmx.encode("UserInfo", **given)
