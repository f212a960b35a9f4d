"""Numbers of frames: those that tshark has for the same messages."""

import struct
from collections import Counter

import numpy as np
import pytest

import mmscodec
from tests.tables.consumers import library
from tests.wireshark import shark
from tests.wireshark.test_captures import CAPTURES, NOT_GIVEN

#: Tables with rows that tshark shows, and the column with their names.
SHOWN = {"messages": "mid_name", "data": None, "winmx_packets": "type_name"}


@pytest.fixture(scope="module")
def lua(tmp_path_factory):
    shark.needs_tshark()
    return shark.script(tmp_path_factory.mktemp("lua"))


def theirs(lua, capture):
    """How often tshark shows each name in each frame."""
    fields = ("-T", "fields", "-e", "frame.number", "-e", "mmsc.name", "-e", "winmx.name")
    found = Counter()
    for line in shark.run(lua, capture, "-Y", "mmsc or winmx", *fields).splitlines():
        number, *names = line.split("\t")
        found.update((int(number), word) for part in names for word in part.split(",") if word)
    return found


def numbers(table):
    """The column `frame`, 0 where it is null."""
    pa = library("pyarrow")
    return [frame or 0 for frame in pa.table(table.select(["frame"]))["frame"].to_pylist()]


def ours(cap):
    """The same from the tables."""
    pa = library("pyarrow")
    found = Counter()
    for name, column in SHOWN.items():
        table = cap.table(name, frames=True)
        names = ["Data"] * len(table)
        if column is not None:
            names = pa.table(table.select([column]))[column].to_pylist()
        found.update(zip(numbers(table), names, strict=True))
    return found


@pytest.mark.parametrize(
    "capture", [p for p in CAPTURES if p.name not in NOT_GIVEN], ids=lambda path: path.name
)
def test_frames_are_numbered_as_in_tshark(lua, capture):
    shown = theirs(lua, capture)
    with mmscodec.open(str(capture)) as cap:
        found = ours(cap)
    if capture.name == "cache.pcap":  # a list that is shown in pieces, the last in its own frame
        assert found - shown == Counter()
        assert {name for _, name in shown - found} == {"CacheList"}
        return
    assert found == shown


def coarse(path, step):
    """The capture with times that go on in steps of so many microseconds."""
    raw = bytearray(path.read_bytes())
    at = 24
    while at < len(raw):
        seconds, micro, size, _ = struct.unpack_from("<IIII", raw, at)
        struct.pack_into("<II", raw, at, seconds, micro // step * step)
        at += 16 + size
    return bytes(raw)


@pytest.mark.parametrize("step", [1_000, 1_000_000])
def test_frames_of_one_time_are_told_apart_by_their_bytes(step):
    path = shark.ROOT / "mms" / "ffmpeg_tcp.pcap"
    exact, rough = mmscodec.open(str(path)), mmscodec.open(coarse(path, step))
    assert len(np.unique(rough.data["time"])) < len(rough.data)
    for name in ("messages", "data", "packets"):
        wanted = numbers(exact.table(name, frames=True))
        assert 0 not in wanted
        assert numbers(rough.table(name, frames=True)) == wanted


def test_no_number_is_better_than_a_wrong_one():
    # rows of a kind of message have no offset: a frame of its time with bytes of its flow
    path = shark.ROOT / "mms" / "ffmpeg_tcp.pcap"
    name = "LinkMacToViewerReportEndOfStream"
    assert numbers(mmscodec.open(str(path)).table(name, frames=True)) == [430]
    assert numbers(mmscodec.open(coarse(path, 1_000_000)).table(name, frames=True)) == [0]


def test_rows_that_no_one_frame_completed_have_none():
    with mmscodec.open(str(shark.ROOT / "mms" / "ffmpeg_tcp.pcap")) as cap:
        for name in ("flows", "sessions", "exchanges", "transitions"):
            with pytest.raises(ValueError, match="none has a number"):
                cap.table(name, frames=True)


def test_faults_of_files_have_the_frame_that_they_are_in_if_any():
    raw = (shark.ROOT / "mms" / "ffmpeg_tcp.pcap").read_bytes()
    with mmscodec.open(raw[:-10]) as cap:  # the last record is no frame: it ends early
        assert cap.table("faults").numbers("flow").tolist() == [-1]
        assert numbers(cap.table("faults", frames=True)) == [0]
    path = shark.ROOT / "cases" / "bad-checksum-then-good.pcap"
    with mmscodec.open(str(path)) as cap:
        table = cap.table("faults", frames=True)
        assert len(table) > 0
        assert 0 not in numbers(table)


def test_a_query_that_names_it_has_a_column_frame():
    library("duckdb")
    from mmscodec.sql import Database

    with mmscodec.open(str(shark.ROOT / "mms" / "libmms_notfound.pcap")) as cap:
        database = Database(cap)
        assert "frame" not in database.query("select * from messages").columns
        found = database.query("select frame from messages where mid_name like '%ReportOpenFile'")
        assert list(found.rows()) == [(11,)]
