"""Ten seconds of the soak; MMSCODEC_SOAK says how many others, see tools/soak.py."""

import os
import sys

import pytest

from tools import soak


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read from /proc")
def test_connections_open_and_close_and_memory_is_flat(tmp_path):
    seconds = float(os.environ.get("MMSCODEC_SOAK", "10"))
    assert soak.soak(seconds, 60.0, 2000, tmp_path) == []


def test_memory_that_grows_is_noticed():
    steady = [300 << 20] * 40
    assert soak.grown(steady) == []
    assert soak.grown([*steady[:-2], 330 << 20, 340 << 20]) == ["memory grew from 300 to 340 MiB"]
    assert soak.grown([1]) != []
