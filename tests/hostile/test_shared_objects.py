"""Two threads on one object: each gets its answer or is told, and the process lives."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmscodec import mms, winmx
from tests.hostile.share import OBJECTS, STREAM

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", OBJECTS)
def test_every_pair_of_methods_at_once(name):
    paths = [str(ROOT), *(path for path in sys.path if path)]
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-m", "tests.hostile.share", name],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": ":".join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    alive, pairs, *_ = done.stdout.split()
    assert alive == "alive"
    methods = len(OBJECTS[name]())
    assert int(pairs) == methods * (methods + 1) // 2


class Inside:
    """A number whose use runs code of ours: what another thread would do meanwhile."""

    def __init__(self, act):
        self.act = act

    def __int__(self):
        self.act()
        return 0


def test_a_connection_closed_while_its_chunks_are_taken_is_an_error():
    many = mms.Decoders()
    number = many.open()
    found = []

    def close():
        try:
            many.close(number)
        except RuntimeError as error:
            found.append(error)

    many.feed([number], [STREAM], [Inside(close)])
    assert len(found) == 1
    assert len(many.close(number).messages) == 0


class Odd(int):
    """Equal to a connection that is open, but another number."""

    def __eq__(self, other):
        return True

    def __hash__(self):
        return 0


def test_a_number_that_claims_to_be_an_open_connection_is_none():
    many = mms.Decoders()
    many.open()
    with pytest.raises(ValueError, match="is open"):
        many.feed([Odd(10**6)], [STREAM])


def test_rows_of_packets_cannot_be_made_writable():
    packets = winmx.decode(b"\x60\4\2\0ab").packets
    with pytest.raises(ValueError, match="WRITEABLE"):
        packets.setflags(write=True)
