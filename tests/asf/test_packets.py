"""Packets into a file."""

import io
import random
import subprocess
import sys
from itertools import pairwise

import pytest

from mmscodec.asf import packets
from mmscodec.asf._write import PacketWriter
from mmscodec.asf.packets import write_packets
from mmscodec.asf.plan import FILLER
from tests.asf import make
from tests.asf.test_writer import extents_of, filled, plan_of, world

SIZE = 150


@pytest.fixture(autouse=True)
def _small_buffer(monkeypatch):
    monkeypatch.setattr(packets, "GATHER_LEN", 3 * SIZE)


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
def test_a_file_has_the_packets_that_the_writer_makes(tmp_path, seed, holes):
    flows, buffers, plan = many(seed, holes=holes)
    model = PacketWriter(flows, buffers, SIZE)
    wanted = filled(model, plan)
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


def test_progress_adds_up(tmp_path):
    flows, buffers, plan = many(1)
    told = []
    written(tmp_path / "x", flows, buffers, plan, progress=told.append)
    assert sum(told) == len(plan) * SIZE
    assert len(told) > 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_what_progress_raises_stops_it(tmp_path, error):
    flows, buffers, plan = many(2)
    told = []

    def stop(count):
        told.append(count)
        raise error

    with pytest.raises(error):
        written(tmp_path / "x", flows, buffers, plan, progress=stop)
    assert (tmp_path / "x").stat().st_size == 4 + told[0]
    assert len(told) == 1


@pytest.mark.parametrize("most", [1, 7, 149, 150, 10_000])
def test_a_file_may_take_less_than_it_is_given(most):
    flows, buffers, plan = many(5, count=60)

    class Slow(io.BytesIO):
        def write(self, data):
            return super().write(data[:most])

    file = Slow()
    write_packets(file, plan, PacketWriter(flows, buffers, SIZE))
    assert file.getvalue() == filled(PacketWriter(flows, buffers, SIZE), plan)


LIMITED = """
import errno, resource, signal, sys
from mmscodec.asf import packets
from mmscodec.asf._write import PacketWriter
from tests.asf.test_packets import many
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
flows, buffers, plan = many(4)
with open(sys.argv[1], "wb", buffering=0) as file:
    try:
        packets.write_packets(file, plan, PacketWriter(flows, buffers, 150))
    except OSError as error:
        assert error.errno == errno.EFBIG, error
        print("too big")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of file sizes")
def test_a_file_that_may_not_grow_is_an_error(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path / "x")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.stdout, done.returncode) == ("too big\n", 0), done.stderr
    # up to the last byte that there was room for
    assert (tmp_path / "x").stat().st_size == 20_000
