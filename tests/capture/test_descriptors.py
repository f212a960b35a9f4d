"""Hundreds of compressed files that begin at the same time need a bounded number of descriptors."""

import bz2
import gzip
import lzma
import os

import pytest

import mmscodec
from tests.capture import build

MOST = 64 + 64 + 32  # streams read side by side, their spools, and what else is open


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts descriptors in /proc")
@pytest.mark.parametrize("options", [{}, {"spool": False}, {"mapped": False}])
def test_compressed_files_do_not_exhaust_descriptors(tmp_path, options):
    file = build.pcap(build.frames(3))
    packed = [pack(file) for pack in (gzip.compress, lzma.compress, bz2.compress)]
    for i in range(400):
        data = packed[i % 3]
        (tmp_path / f"{i}").write_bytes(data if i % 7 else data[:-9])
    before = len(os.listdir("/proc/self/fd"))
    most = 0
    with mmscodec.open(tmp_path, protocols=None, **options) as cap:
        for _ in cap.iter_batches(rows=100):
            most = max(most, len(os.listdir("/proc/self/fd")) - before)
    assert most <= MOST
    with mmscodec.open(tmp_path, protocols=None, **options) as cap:
        assert len(cap.faults) > 0
        assert len(os.listdir("/proc/self/fd")) - before <= MOST
    assert len(os.listdir("/proc/self/fd")) <= before
