import io

import numpy as np
import pytest

import mmscodec
from mmscodec import capture
from mmscodec.capture.export import write_records
from mmscodec.capture.source import open_sources
from mmscodec.errors import CaptureError
from mmscodec.schema.dtypes import RECORDS
from tests.capture import build

FRAMES = [(time + 7, data) for time, data in build.frames(20, size=100)]
COLUMNS = ["time", "caplen", "wire_len", "linktype"]


def written(spec, **options):
    """Records of a capture and those of the file they were written to, with its first bytes."""
    found = capture.records(spec)
    with open_sources(spec) as sources:
        out = io.BytesIO()
        count = write_records(out, sources, found.rows, found.interfaces, **options)
        assert count == len(found)
        data = out.getvalue()
        again = capture.records(data)
        with open_sources(data) as other:
            assert (
                other.gather(again.rows["position"], again.rows["caplen"]).tobytes()
                == sources.gather(found.rows["position"], found.rows["caplen"]).tobytes()
            )
    assert len(again.faults) == 0
    assert np.array_equal(found.rows[COLUMNS], again.rows[COLUMNS])
    return found, again, data


@pytest.mark.parametrize("name", build.files(FRAMES))
@pytest.mark.parametrize("form", [None, "pcapng"])
def test_records_keep_times_lengths_and_bytes(name, form):
    data = written(build.files(FRAMES)[name], format=form)[2]
    nano = name in ("pcap-ns-le", "pcap-ns-be") or "twice" in name
    magic = b"\n\r\r\n" if form else b"\x4d\x3c\xb2\xa1" if nano else b"\xd4\xc3\xb2\xa1"
    assert data[:4] == magic


def test_mixed_link_types_need_pcapng():
    spec = [build.pcap(FRAMES[:5]), build.pcap(FRAMES[5:], linktype=113)]
    found, again, data = written(spec)
    assert data[:4] == b"\n\r\r\n"
    assert set(again.rows["linktype"].tolist()) == {1, 113}
    with open_sources(spec) as sources, pytest.raises(ValueError, match="one link type"):
        write_records(io.BytesIO(), sources, found.rows, format="pcap")


def test_times_before_1970_need_pcapng():
    early = build.section() + build.interface(tsoffset=-3600) + build.enhanced(FRAMES[0], ticks=5)
    found, _, data = written(early)
    assert found.rows["time"].tolist() == [-3600 * 10**9 + 5000]
    assert data[:4] == b"\n\r\r\n"


@pytest.mark.parametrize("form", [None, "pcapng"])
def test_the_length_of_frame_check_sequences_is_kept(form):
    found, again, _ = written(build.pcap(FRAMES, linktype=0x24000001), format=form)
    assert found.interfaces[0]["link_flags"] == 0x24000000
    assert again.interfaces[0]["link_flags"] == 0x24000000


def test_cut_frames_and_long_ones_keep_their_lengths():
    frames = [(10**18, b"a" * 50, 1500), (10**18, b"b" * 90, 90), (10**18, b"", 60)]
    written(build.pcap(frames, snaplen=50))
    written(build.pcap([(10**18, bytes(300000))], snaplen=400000))


def test_some_records_in_any_order(tmp_path):
    found = capture.records(build.pcap(FRAMES))
    path = tmp_path / "some.pcap"
    with open_sources(build.pcap(FRAMES)) as sources:
        assert write_records(path, sources, found.rows[::-3]) == 7
    assert capture.records(path).rows["time"].tolist() == found.rows["time"][::-3].tolist()
    assert [item.name for item in tmp_path.iterdir()] == ["some.pcap"]


def test_no_records_make_an_empty_capture():
    with open_sources(build.pcap([])) as sources:
        for form in (None, "pcapng"):
            out = io.BytesIO()
            assert write_records(out, sources, np.empty(0, RECORDS), format=form) == 0
            assert len(capture.records(out.getvalue())) == 0
        with pytest.raises(ValueError, match="format"):
            write_records(io.BytesIO(), sources, np.empty(0, RECORDS), format="snoop")


def test_a_wrong_position_leaves_no_file(tmp_path):
    found = capture.records(build.pcap(FRAMES))
    found.rows["position"][3] = 10**6
    with open_sources(build.pcap(FRAMES)) as sources, pytest.raises(IndexError):
        write_records(tmp_path / "bad.pcap", sources, found.rows)
    assert list(tmp_path.iterdir()) == []


# ---- flows


def captures():
    folder = build.ROOT / "tests" / "captures" / "mms"
    return sorted(path for path in folder.iterdir() if path.suffix in (".pcap", ".pcapng"))


@pytest.mark.parametrize("path", captures(), ids=lambda path: path.name)
def test_frames_of_all_flows_decode_to_the_same_tables(path, tmp_path):
    out = tmp_path / "out.pcap"
    with mmscodec.open(path) as cap:
        count = cap.write_pcap(out)
        assert 0 < count <= cap.counts["records"]
        with mmscodec.open(out) as again:
            assert np.array_equal(again.flows["packets"], cap.flows["packets"])
            for name in ("packets", "messages", "data"):
                assert len(getattr(again, name)) == len(getattr(cap, name))
                assert np.array_equal(getattr(again, name)["time"], getattr(cap, name)["time"])


def test_frames_of_one_flow_leave_out_other_connections(tmp_path):
    paths = captures()
    with mmscodec.open(paths) as cap:
        flow = cap.flows[0]
        count = cap.write_pcap(tmp_path / "one", 0)
        peer = cap.flows[flow["peer"]]
        assert count == flow["packets"] + peer["packets"]
        assert cap.write_pcap(tmp_path / "same", [int(flow["peer"])]) == count
    with mmscodec.open(tmp_path / "one", protocols=None) as one:
        assert len(one.flows) == 2


def test_a_stream_without_a_spool_cannot_be_written(tmp_path):
    import gzip

    packed = gzip.compress(captures()[0].read_bytes())
    with mmscodec.open(packed, spool=False) as cap, pytest.raises(CaptureError, match="spool"):
        cap.write_pcap(tmp_path / "out")
    with mmscodec.open(packed) as cap:
        assert cap.write_pcap(tmp_path / "out") > 0
