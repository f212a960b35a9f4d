"""The generated captures are what the other tests take them for."""

import struct

import pytest

import mmscodec
from benchmarks.capture_set import write_flow, write_set


def times_of(raw):
    at = 24
    while at < len(raw):
        seconds, ns, size, _ = struct.unpack_from("<IIII", raw, at)
        yield seconds, ns
        at += 16 + size


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_set(tmp_path_factory.mktemp("set"), 6, rotate=0.5, other=0.3)


def test_the_same_seed_gives_the_same_bytes_and_a_smaller_set_begins_a_larger_one(files, tmp_path):
    again = write_set(tmp_path / "again", 2, rotate=0.5, other=0.3)
    for one, other in zip(again[:-1], files):
        assert one.read_bytes() == other.read_bytes()
    different = write_set(tmp_path / "different", 1, rotate=0.5, other=0.3, seed=2)
    assert different[0].read_bytes() != files[0].read_bytes()


def test_files_are_rotated_in_the_order_of_time(files):
    assert len(files) > 10
    assert all(path.stat().st_size <= 500_000 for path in files)
    times = [time for path in files for time in times_of(path.read_bytes())]
    assert times == sorted(times)


def test_sessions_of_mms_and_winmx_span_files(files):
    with mmscodec.open(files) as capture:
        protocols = set(capture.flows["protocol"].tolist())
        whole = len(capture.sessions), len(capture.messages), len(capture.data)
    assert len(protocols) >= 2
    apart = []
    for path in files:
        with mmscodec.open(path) as capture:
            apart.append((len(capture.sessions), len(capture.messages), len(capture.data)))
    assert sum(sessions for sessions, _, _ in apart) > whole[0] > 20
    assert sum(data for _, _, data in apart) < whole[2]


def test_one_flow_is_one_flow_of_data_packets(tmp_path):
    files = write_flow(tmp_path, 3, rotate=1)
    assert len(files) >= 3
    with mmscodec.open(files) as capture:
        assert len(capture.flows) == 1
        assert len(capture.faults) == len(capture.gaps) == 0
        packets = capture.counts["records"] - 2
        assert len(capture.data) == packets > 2000
        assert (capture.data["length"] == 1400).all()
