"""Arrays that a user can write to are no way out of bounds: see overwritten.py."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")
ROOT = Path(__file__).parents[2]
CAPTURES = "tests/captures"
#: What is filled, and with how many seeds.
RUNS = {
    "mms": 25,
    "winmx": 25,
    f"{CAPTURES}/mms/libmms_playlist.pcap": 6,
    f"{CAPTURES}/mms/vlc_udp.pcap": 6,
    f"{CAPTURES}/winmx/secondary.pcap": 6,
}


@pytest.mark.parametrize("kind", RUNS)
def test_whatever_is_written_over_arrays_the_process_lives(kind):
    paths = [str(ROOT), *(path for path in sys.path if path)]
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-W", "ignore", "-m", "tests.hostile.overwritten",
         kind, "0", str(RUNS[kind])],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": ":".join(paths)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    alive, seeds, filled = done.stdout.split()
    assert alive == "alive"
    assert int(seeds) == RUNS[kind]
    assert int(filled) > 3
