"""Two threads over one capture give what one thread gives."""

import threading

import numpy as np
import pytest

import mmscodec
from mmscodec.capture._engine import Engine
from mmscodec.capture._merge import Merge
from mmscodec.capture._relay import run_relay
from mmscodec.capture.mapped import MemorySource
from tests.capture import build, recut, truth

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
        run_relay(Engine(), Merge([Broken(bytes(10))]))
