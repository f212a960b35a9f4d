"""Packets into a file: by one thread, by two, or without writing at places, the same bytes."""

import errno
import random
import subprocess
import sys
import threading
from itertools import pairwise

import pytest

from mmscodec.asf import packets
from mmscodec.asf._write import HAS_PLACES, PacketWriter, reserve, start_writing
from mmscodec.asf.packets import write_packets
from mmscodec.asf.plan import FILLER
from tests.asf import make
from tests.asf.test_writer import extents_of, filled, plan_of, world

SIZE = 150
needs_places = pytest.mark.skipif(not HAS_PLACES, reason="this system has no pwrite")


@pytest.fixture(autouse=True)
def _small_ranges(monkeypatch):
    monkeypatch.setattr(packets, "GATHER_LEN", 3 * SIZE)
    monkeypatch.setattr(packets, "RANGE_LEN", 7 * SIZE)
    monkeypatch.setattr(packets, "START_LEN", 10 * SIZE)
    monkeypatch.setattr(packets, "BIG_LEN", 20 * SIZE)
    monkeypatch.setattr(packets.os, "cpu_count", lambda: 2)


def many(seed, count=400, holes=False):
    """Packets of ASF and packets that are none, in pieces; a plan of them, some of it fillers."""
    chance = random.Random(seed)
    data, rows = bytearray(), []
    for number in range(count):
        if holes and chance.random() < 0.1:
            rows.append((0, 0, FILLER))
            continue
        body = chance.randbytes(chance.randrange(1, SIZE - 40))
        packet = make.packet(number, SIZE, body, send=chance.randrange(1 << 30))
        packet = chance.choice([packet, make.stripped(packet), chance.randbytes(90)])
        rows.append((len(data), len(packet), 0))
        data += packet
    cuts = sorted({0, len(data), *(chance.randrange(len(data)) for _ in range(300))})
    pieces = [(low, 5000 + low, high - low) for low, high in pairwise(cuts)]
    return [extents_of(pieces)], [(5000, bytes(data))], plan_of(rows)


def seen(writer):
    return writer.counts, writer.first_send, writer.last_send, writer.last_end


def written(path, flows, buffers, plan, size=SIZE, progress=None):
    writer = PacketWriter(flows, buffers, size)
    with open(path, "wb", buffering=0) as file:
        file.write(b"head")
        assert write_packets(file, plan, writer, progress) == len(plan)
    data = path.read_bytes()
    assert data[:4] == b"head"
    return data[4:], seen(writer)


@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_two_threads_write_what_one_makes(tmp_path, seed, holes):
    flows, buffers, plan = many(seed, holes=holes)
    model = PacketWriter(flows, buffers, SIZE)
    wanted = filled(model, plan)
    assert written(tmp_path / "x", flows, buffers, plan) == (wanted, seen(model))


@pytest.mark.parametrize("seed", range(8))
def test_without_places_the_bytes_are_the_same(tmp_path, monkeypatch, seed):
    flows, buffers, plan = many(seed, holes=True)
    model = PacketWriter(flows, buffers, SIZE)
    wanted = filled(model, plan)
    monkeypatch.setattr(packets, "HAS_PLACES", False)
    assert written(tmp_path / "x", flows, buffers, plan) == (wanted, seen(model))


@pytest.mark.parametrize("seed", range(4))
def test_torn_packets_from_several_flows(tmp_path, seed):
    chance = random.Random(seed)
    buffers, flows, _ = world(chance)
    rows = [(chance.randrange(-20, 2200), chance.randrange(SIZE + 1), i % 2) for i in range(300)]
    model = PacketWriter(flows, buffers, SIZE)
    wanted = filled(model, plan_of(rows))
    assert written(tmp_path / "x", flows, buffers, plan_of(rows)) == (wanted, seen(model))


def test_an_empty_plan_writes_nothing(tmp_path):
    told = []
    got, _ = written(tmp_path / "x", [], [], plan_of([]), progress=told.append)
    assert (got, told) == (b"", [])


@pytest.mark.parametrize("places", [pytest.param(True, marks=needs_places), False])
def test_progress_is_told_in_this_thread_and_adds_up(tmp_path, monkeypatch, places):
    monkeypatch.setattr(packets, "HAS_PLACES", places)
    flows, buffers, plan = many(1)
    told = []
    written(
        tmp_path / "x", flows, buffers, plan,
        progress=lambda count: told.append((threading.get_ident(), count)),
    )  # fmt: skip
    assert {thread for thread, _ in told} == {threading.get_ident()}
    assert sum(count for _, count in told) == len(plan) * SIZE
    assert len(told) > 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_whoever_stops_it_gets_all_threads_back(tmp_path, error):
    flows, buffers, plan = many(2, count=5000)
    before = threading.active_count()

    def stop(count):
        raise error

    with pytest.raises(error):
        written(tmp_path / "x", flows, buffers, plan, progress=stop)
    assert threading.active_count() == before
    assert (tmp_path / "x").stat().st_size <= 4 + len(plan) * SIZE


@needs_places
@pytest.mark.parametrize("which", [0, 1])
def test_an_error_in_either_thread_is_raised(tmp_path, monkeypatch, which):
    flows, buffers, plan = many(3)
    first = PacketWriter(flows, buffers, SIZE)
    failed = threading.Event()

    class Fails:
        packet_size = SIZE

        def twin(self):
            return first.twin() if which == 0 else self

        def write(self, *args):
            failed.set()
            raise OSError(errno.ENOSPC, "full")

    class Waits(PacketWriter):
        def twin(self):
            return Fails()

        def write(self, *args):
            failed.wait(10)
            super().write(*args)

    writer = Fails() if which == 0 else Waits(flows, buffers, SIZE)
    with open(tmp_path / "x", "wb", buffering=0) as file, pytest.raises(OSError, match="full"):
        write_packets(file, plan, writer)
    assert failed.is_set()


LIMITED = """
import errno, resource, signal, sys
from mmscodec.asf import packets
from mmscodec.asf._write import PacketWriter
from tests.asf.test_packets import many
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
flows, buffers, plan = many(4)
if sys.argv[2] != "reserve":
    packets.reserve = lambda *args: None
packets.HAS_PLACES = sys.argv[2] != "plain"
with open(sys.argv[1], "wb", buffering=0) as file:
    try:
        packets.write_packets(file, plan, PacketWriter(flows, buffers, 150))
    except OSError as error:
        assert error.errno == errno.EFBIG, error
        print("too big")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of file sizes")
@pytest.mark.parametrize("how", ["reserve", "places", "plain"])
def test_a_file_that_may_not_grow_is_an_error(tmp_path, how):
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path / "x"), how],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.stdout, done.returncode) == ("too big\n", 0), done.stderr
    if how != "reserve":  # up to the last byte that there was room for
        assert (tmp_path / "x").stat().st_size == 20_000


@pytest.mark.skipif(sys.platform != "linux", reason="room is reserved on Linux only")
def test_room_is_reserved_or_nobody_minds(tmp_path):
    with open(tmp_path / "x", "wb") as file:
        reserve(file.fileno(), 0, 1 << 20)
        start_writing(file.fileno(), 0, 1 << 20)
        with pytest.raises(OSError, match=r"\[Errno"):
            reserve(file.fileno(), 0, (1 << 63) - 1)
    with open("/dev/null", "wb") as file:  # has no room to give, and needs none
        reserve(file.fileno(), 0, 100)
        start_writing(file.fileno(), 0, 100)


@needs_places
@pytest.mark.parametrize("align", [1, 7, 149, 150, 151, 450, 1000, 65536])
def test_pieces_end_anywhere(tmp_path, align):
    flows, buffers, plan = many(5, count=60)
    wanted = filled(PacketWriter(flows, buffers, SIZE), plan)
    writer = PacketWriter(flows, buffers, SIZE)
    with open(tmp_path / "x", "wb", buffering=0) as file:
        for start, stop in ((40, 60), (0, 1), (1, 40), (60, 60)):
            writer.write(plan, start, stop, file.fileno(), 13, bytearray(align + SIZE), align)
    assert (tmp_path / "x").read_bytes()[13:] == wanted


def test_write_refuses_what_cannot_be(tmp_path):
    writer = PacketWriter([extents_of([(0, 0, 10)])], [(0, bytes(10))], 10)
    with open(tmp_path / "x", "wb", buffering=0) as file:
        number = file.fileno()
        with pytest.raises(ValueError, match="source 1"):
            writer.write(plan_of([(0, 5, 1)]), 0, 1, number, 0, bytearray(100), 50)
        with pytest.raises(ValueError, match="no room"):
            writer.write(plan_of([(0, 5, 0)]), 0, 1, number, 0, bytearray(10), 1)
        with pytest.raises(ValueError, match="no room"):
            writer.write(plan_of([(0, 5, 0)]), 0, 1, number, 0, bytearray(10), 0)
        with pytest.raises(IndexError):
            writer.write(plan_of([]), 1, 2, number, 0, bytearray(100), 50)
        with pytest.raises(TypeError):
            writer.write(b"abc", 0, 1, number, 0, bytearray(100), 50)
    assert (tmp_path / "x").stat().st_size == 0
