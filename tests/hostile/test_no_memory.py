"""Every allocation of the kernels fails once, and then for good."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import mmscodec
from tests.hostile.exhausted import WORKS

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
WORK = [
    "decode",
    "gather",
    "feed",
    "fragments",
    "capture",
    "batches",
    "written",
    "peers",
    "peers_feed",
    "findings",
    "encoded",
    "many",
    "sessions",
    "conversation",
    "two_threads",
    "two_captures",
    "feeds_at_once",
    "writers_at_once",
    *WORKS,
]
pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="preloads a library"),
    pytest.mark.skipif(not shutil.which("gcc"), reason="gcc is not installed"),
    pytest.mark.skipif("LD_PRELOAD" in os.environ, reason="the allocator is a sanitizer's"),
]


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    path = tmp_path_factory.mktemp("failing") / "failing.so"
    source = str(HERE / "failing.c")
    command = ["gcc", "-O1", "-shared", "-fPIC", "-o", str(path), source, "-ldl"]
    subprocess.run(command, check=True)
    return path


@pytest.mark.parametrize("work", WORK)
def test_failed_allocations_raise_memory_error_and_leave_everything_usable(library, work):
    paths = [str(ROOT), *(path for path in sys.path if path)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.hostile.exhaust", work],
        cwd=ROOT,
        env=os.environ
        | {
            "LD_PRELOAD": str(library),
            "PYTHONPATH": ":".join(paths),
            "FAILING_PACKAGE": str(Path(mmscodec.__file__).resolve().parent) + os.sep,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    name, once, for_good = done.stdout.split()
    assert name == work
    assert int(once) > 0
    assert int(for_good) > 0
