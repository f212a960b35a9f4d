import array
import gc
import mmap

import numpy as np
import pytest

from mmscodec import winmx
from mmscodec.errors import MalformedError, TruncatedError
from tests.winmx import vectors as v

RUN = v.NODE_LIST * 50
MIXED = v.NODE_LIST + v.ACKNOWLEDGED + v.NODE_LIST * 2


def test_a_regular_run_is_a_view_over_the_callers_bytes():
    data = bytearray(RUN)
    lists = winmx.node_lists(data)
    assert lists.shape == (50, 8)
    assert lists.strides == (100, 12)
    assert lists.dtype == winmx.RECORD_DTYPE
    assert np.shares_memory(lists, np.frombuffer(data, np.uint8))
    data[4:8] = bytes([10, 0, 0, 1])
    assert winmx.addresses(lists[0, 0]) == "10.0.0.1"
    lists["tcp_port"][49, 7] = 80
    assert data[-6:-4] == bytes([80, 0])


def test_a_view_of_read_only_memory_is_read_only():
    lists = winmx.node_lists(RUN)
    assert not lists.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        lists["x"][0, 0] = 1


def test_a_view_keeps_its_source_alive():
    lists = winmx.node_lists(bytearray(RUN))
    gc.collect()
    assert lists.copy().tobytes() == (v.NODE_LIST[4:] * 50)


def test_a_bytearray_cannot_shrink_under_a_view():
    data = bytearray(RUN)
    lists = winmx.node_lists(data)
    with pytest.raises(BufferError):
        data.clear()
    del lists
    data.clear()


def test_copy_true_copies():
    data = bytearray(RUN)
    lists = winmx.node_lists(data, copy=True)
    assert lists.strides == (96, 12)
    assert lists.flags.writeable
    assert not np.shares_memory(lists, np.frombuffer(data, np.uint8))
    assert (lists == winmx.node_lists(data)).all()
    assert (winmx.node_lists(MIXED, copy=True) == winmx.node_lists(MIXED)).all()


def test_copy_false_never_copies():
    assert winmx.node_lists(RUN, copy=False).strides == (100, 12)
    with pytest.raises(ValueError, match="Unable to avoid copy"):
        winmx.node_lists(MIXED, copy=False)


def test_other_packets_are_skipped_by_a_gather():
    lists = winmx.node_lists(MIXED)
    assert lists.shape == (3, 8)
    assert lists.tobytes() == v.NODE_LIST[4:] * 3


@pytest.mark.parametrize("at", [0, 1, 15, 16, 17, 48, 49])
@pytest.mark.parametrize("byte", [0, 1, 2, 3])
def test_one_other_header_anywhere_is_noticed(at, byte):
    data = bytearray(RUN)
    data[100 * at + byte] ^= 1
    with pytest.raises(ValueError):
        winmx.node_lists(data, copy=False)


def test_nothing_gives_an_array_without_rows():
    for copy in (None, True, False):
        lists = winmx.node_lists(b"", copy=copy)
        assert lists.shape == (0, 8)
        assert lists.dtype == winmx.RECORD_DTYPE


def test_an_unfinished_frame_is_an_error_that_says_where():
    for end in (1, 3, 99, 101, 150):
        with pytest.raises(TruncatedError) as caught:
            winmx.node_lists(RUN[:end])
        assert caught.value.offset == end // 100 * 100


def test_a_list_of_other_than_eight_records_has_no_place():
    seven = b"\xa1\x03\x54\x00" + v.NODE_LIST[4:88]
    with pytest.raises(MalformedError) as caught:
        winmx.node_lists(v.NODE_LIST + seven)
    assert caught.value.offset == 100


def buffers(data, tmp_path):
    path = tmp_path / "frames"
    path.write_bytes(data)
    with path.open("r+b") as file:
        yield from kinds(data, file)


def kinds(data, file):
    yield "bytes", data
    yield "bytearray", bytearray(data)
    yield "memoryview", memoryview(bytearray(b"xx" + data + b"yy"))[2:-2]
    yield "mmap", mmap.mmap(file.fileno(), 0)
    yield "read-only mmap", mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    yield "ndarray", np.frombuffer(data, np.uint8).copy()
    yield "read-only ndarray", np.frombuffer(data, np.uint8)
    yield "structured", np.frombuffer(data, "V100")
    yield "array", array.array("B", data)
    yield "two dimensions", np.frombuffer(data, np.uint8).reshape(-1, 100).copy()


def test_every_kind_of_buffer_is_taken(tmp_path):
    expected = winmx.node_lists(RUN).copy()
    for name, buffer in buffers(RUN, tmp_path):
        assert (winmx.node_lists(buffer) == expected).all(), name
        assert (winmx.node_lists(buffer, copy=True) == expected).all(), name
        batch = winmx.decode(buffer)
        assert batch.records.reshape(-1, 8).tobytes() == expected.tobytes(), name
        assert len(batch.packets) == 50, name


def test_strided_and_unfit_buffers_are_refused():
    for wrong in (np.frombuffer(RUN, np.uint8)[::2], memoryview(RUN)[::-1]):
        with pytest.raises((BufferError, ValueError, TypeError)):
            winmx.node_lists(wrong)
        with pytest.raises((BufferError, ValueError, TypeError)):
            winmx.decode(wrong)
    for wrong in ("text", 5, None):
        with pytest.raises(TypeError):
            winmx.node_lists(wrong)
        with pytest.raises(TypeError):
            winmx.decode(wrong)
