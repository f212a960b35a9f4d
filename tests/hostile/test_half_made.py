"""Objects made without `__init__`, and pickles of what holds memory, raise and never crash."""

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from mmscodec import mms, winmx
from mmscodec.capture._engine import Engine
from mmscodec.capture._map import Map
from mmscodec.winmx import cipher

HERE = Path(__file__).parent


def test_classes_made_without_their_init():
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", HERE / "half_made.py"],
        capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    word, count = done.stdout.split()[-2:]
    assert word == "alive"
    assert int(count) >= 17


def test_a_mapping_is_not_read_as_text_by_a_pickle(tmp_path):
    file = tmp_path / "no-zero-byte"
    file.write_bytes(b"x" * 8192)
    with file.open("rb") as held, pytest.raises(TypeError, match="cannot pickle"):
        pickle.dumps(Map(held.fileno(), 8192))


@pytest.mark.parametrize("make", [mms.Decoder, mms.Decoders, winmx.Decoder, winmx.Decoders])
def test_live_decoders_are_not_pickled(make):
    with pytest.raises(TypeError, match="pickle"):
        pickle.dumps(make())


def test_none_for_an_object_of_a_compiled_class_is_an_error():
    with pytest.raises(TypeError):
        Engine().run(None)


def test_a_cipher_stream_keeps_its_state_in_a_pickle():
    stream = cipher.Stream(b"abcd")
    stream.encipher(b"hello")
    again = pickle.loads(pickle.dumps(stream))
    assert again.state == stream.state
    assert again.encipher(b"more") == stream.encipher(b"more")
