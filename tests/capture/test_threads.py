"""Two threads over one capture give what one thread gives."""

import threading

import numpy as np
import pytest

import mmscodec
from mmscodec.capture._engine import Engine
from mmscodec.capture._handoff import run_handoff
from mmscodec.capture._merge import Merge
from mmscodec.capture.mapped import MemorySource
from tests.capture import build, recut, truth
from tests.capture.frames import ethernet, ipv4, tcp
from tests.mms.streams import PING, data

TABLES = ("flows", "packets", "messages", "data", "faults", "gaps")


def agree(raw, **options):
    one = mmscodec.open(raw, threads=1, **options)
    two = mmscodec.open(raw, threads=2, **options)
    for name in TABLES:
        assert np.array_equal(np.asarray(getattr(one, name)), np.asarray(getattr(two, name))), name
    assert one.counts == two.counts
    for i in range(0, len(one.data), 7):
        assert one.payload(i) == two.payload(i)
    return two


@pytest.mark.parametrize("name", truth.NAMES)
def test_captures_of_real_clients(name):
    capture = agree(truth.FOLDER / name)
    assert truth.found(capture) == truth.log(name)


def test_fragments_in_bad_order():
    packets = recut.read(truth.FOLDER / "libmms_playlist.pcap")
    frames = recut.fragmented(recut.reordered(packets, 3), seed=2)
    capture = agree(build.pcap(frames, magic=build.NANO))
    assert truth.found(capture) == truth.log("libmms_playlist.pcap")


def test_faults_stand_where_they_do_with_one_thread():
    packets = recut.read(truth.FOLDER / "libmms_seek.pcap")
    frames = recut.ethernet(packets)
    for i in range(10, len(frames), 10):
        time, frame = frames[i]
        frames[i] = (time, frame[:30])  # cut inside the IP header
    capture = agree(build.pcap(frames, magic=build.NANO))
    assert (capture.faults["flow"] == -1).any()
    assert (capture.faults["flow"] >= 0).any()


def test_many_blocks():
    packets = recut.split(recut.read(truth.FOLDER / "libmms_playlist.pcap"), 12)
    assert len(packets) > 30_000
    capture = agree(build.pcap(recut.ethernet(packets), magic=build.NANO), ports=[1755])
    assert truth.found(capture) == truth.log("libmms_playlist.pcap")


def test_captures_in_many_threads_at_once():
    found, errors = [], []

    def work():
        try:
            for name in truth.NAMES:
                capture = mmscodec.open(truth.FOLDER / name, threads=2)
                found.append(truth.found(capture) == truth.log(name))
        except Exception as error:
            errors.append(error)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not errors
    assert all(found)
    assert len(found) == 4 * len(truth.NAMES)


def test_an_error_in_the_reading_thread_is_raised():
    class Broken(MemorySource):
        def window(self, position, need):
            raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        run_handoff(Engine(), Merge([Broken(bytes(10))]))


def large(tmp_path, count=7000):
    """A file that is worth a readahead."""
    media = b"".join(data(i, 4, i, bytes(1432)) for i in range(count))
    stream = PING + media
    frames = [(0, segment(b"", 0, flags=2))]
    for i, at in enumerate(range(0, len(stream), 1448)):
        frames.append((1000 + i, segment(stream[at : at + 1448], 1 + at)))
    path = tmp_path / "large.pcap"
    path.write_bytes(build.pcap(frames, magic=build.NANO))
    assert path.stat().st_size > 8 << 20
    return path


def segment(payload, seq, flags=16):
    return ethernet(ipv4(tcp(payload, seq=seq, flags=flags, src_port=1755, dst_port=2000)))


@pytest.fixture
def readaheads(monkeypatch):
    """Names of the threads that were started."""
    started = []
    start = threading.Thread.start

    def noted(self):
        started.append(self.name)
        return start(self)

    monkeypatch.setattr(threading.Thread, "start", noted)
    return started


def test_large_frames_have_a_readahead(tmp_path, readaheads):
    capture = agree(large(tmp_path))
    assert readaheads == ["mmscodec-readahead"]
    assert len(capture.data) == 7000
    assert capture.data["location_id"].tolist() == list(range(7000))
    assert not any(thread.name == "mmscodec-readahead" for thread in threading.enumerate())


def test_several_large_files_in_a_row(tmp_path, readaheads):
    path = large(tmp_path)
    whole = path.read_bytes()
    size = 16 + 54 + 1448
    half = 24 + 16 + 54 + size * 6000
    (tmp_path / "a.pcap").write_bytes(whole[:half])
    (tmp_path / "b.pcap").write_bytes(whole[:24] + whole[half:])
    one = mmscodec.open(path)
    two = mmscodec.open([tmp_path / "a.pcap", tmp_path / "b.pcap"], threads=2)
    for name in ("packets", "messages", "data", "faults", "gaps"):
        assert np.array_equal(np.asarray(getattr(one, name)), np.asarray(getattr(two, name))), name
    assert "mmscodec-readahead" in readaheads


def test_damage_is_found_by_the_one_who_follows(tmp_path, readaheads):
    path = large(tmp_path)
    raw = bytearray(path.read_bytes())
    at = 24 + 70 + (16 + 54 + 1448) * 3000
    raw[at + 8 : at + 16] = bytes(range(200, 208))
    path.write_bytes(raw)
    capture = agree(path)
    assert len(capture.faults) > 0
    assert readaheads == ["mmscodec-readahead"]
