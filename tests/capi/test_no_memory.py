"""A lack of memory is a status, and the decoder can be used again."""

import os
import subprocess

import pytest

from tests.capi import projects


@pytest.mark.skipif("LD_PRELOAD" in os.environ, reason="the allocator is a sanitizer's")
def test_failed_allocations_are_reported_and_leave_everything_usable(tmp_path):
    if why := projects.missing("c"):
        pytest.skip(why)
    library = tmp_path / "failing.so"
    source = projects.ROOT / "tests/hostile/failing.c"
    subprocess.run(
        ["gcc", "-O1", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True
    )
    done = projects.run(
        "-m", "tests.capi.exhaust", folder=tmp_path, preload=str(library),
        FAILING_PACKAGE=f"{projects.PACKAGE}{os.sep}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [line[0] for line in lines] == ["small", "whole"]
    assert all(int(number) > 3 for line in lines for number in line[1:])
