"""The encoder refuses what it would drop."""

import numpy as np
import pytest

from mmscodec import winmx
from mmscodec.errors import EncodeError
from tests.winmx import vectors as v

USER = {"base_user_name": "a", "line_type": 1, "tcp_transfer_port": 1}


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("UserInfo", {**USER, "line_type": 1.7}),
        ("UserInfo", {**USER, "line_type": "1"}),
        ("UserInfo", {**USER, "line_type": None}),
        ("UserInfo", {**USER, "base_user_name": 5}),
        ("UserInfo", {**USER, "base_user_name": None}),
        ("UserInfo", {**USER, "surplus": 5}),
        ("HashSearch", {"search_id": 1, "minimum_line_type": 0, "file_type": 1, "digest": 16}),
        ("UserLeft", {"user_name": "a", "primary_ip": 1.5, "primary_udp_port": 1}),
        ("UserLeft", {"user_name": "a", "primary_ip": 1 << 32, "primary_udp_port": 1}),
        ("UnshareFile", {"data": 5}),
        ("UnshareFile", {"data": "text"}),
        ("Ping", {"payload": 3}),
        ("ShareFolder", {"folder": "a", "files": {"file_name": "a"}}),
        ("ShareFolder", {"folder": "a", "files": "text"}),
    ],
)
def test_values_that_would_lose_something(name, fields):
    with pytest.raises(EncodeError):
        winmx.encode(name, **fields)


def test_whole_numbers_of_any_type_are_taken():
    for one in (1, True, np.uint8(1), np.int64(1)):
        assert winmx.encode("UserInfo", **{**USER, "line_type": one}) == winmx.encode(
            "UserInfo", **USER
        )


@pytest.mark.parametrize("name", winmx.RECORD_DTYPE.names)
def test_records_wider_than_the_wire_are_refused(name):
    nodes = winmx.node_lists(v.NODE_LIST)[0]
    wide = nodes.astype([(n, "<i8") for n in nodes.dtype.names])
    assert winmx.encode(wide) == v.NODE_LIST
    for value in (-1, 1 << 8 * nodes.dtype[name].itemsize):
        wide[name][3] = value
        with pytest.raises(EncodeError, match=f"{value} does not fit") as caught:
            winmx.encode(wide)
        assert caught.value.offset == 3
    with pytest.raises(EncodeError, match="whole numbers"):
        winmx.encode(nodes.astype([(n, "<f8") for n in nodes.dtype.names]))


def test_columns_that_no_record_has_are_refused():
    nodes = winmx.node_lists(v.NODE_LIST)[0]
    more = np.zeros(8, [*nodes.dtype.descr, ("tcp_prot", "<u2")])
    with pytest.raises(EncodeError, match=r"no field 'tcp_prot'.*did you mean 'tcp_port'"):
        winmx.encode(more)
    rows = winmx.decode(v.NODE_LIST).nodes
    known = np.zeros(8, [*((n, rows.dtype[n]) for n in rows.dtype.names), ("time", "<i8")])
    for name in rows.dtype.names:
        known[name] = rows[name]
    assert winmx.encode(known) == v.NODE_LIST


@pytest.mark.parametrize(
    ("what", "options"),
    [
        (winmx.node_lists(v.NODE_LIST), {"encoding": "cp932"}),
        ("UserInfoAcknowledgement", {"encoding": "cp932", "session_id": 1}),
        ("UnshareFile", {"encoding": "cp932", "data": b""}),
        ("UserInfo", {"out": bytearray(99), **USER}),
    ],
)
def test_arguments_without_use_are_refused(what, options):
    with pytest.raises(TypeError, match=f"{next(iter(options))} is of no use for"):
        winmx.encode(what, **options)


def test_a_terminator_that_was_there_comes_back():
    for text in (b"9006 6 of 6 available", b"9006 6 of 6 available\0", b"", b"\0", b"a\0\0"):
        frame = b"\x84\x03" + len(text).to_bytes(2, "little") + text
        batch = winmx.decode(frame)
        assert winmx.encode("QueueStatus", **batch.fields(0)) == frame
        assert winmx.encode("QueueStatus", **batch.fields(0, None)) == frame
