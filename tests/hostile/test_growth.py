"""Memory after many parses of one input is that after a few."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import gc, random, resource, sys
import mmscodec
from mmscodec import mms
from tests.bindings.network import Network
from tests.capture import build, frames, recut, truth
from tests.capture.test_network_fragments import pieces, six
from tests.hostile import exhaust, exhausted
from tests.hostile.test_captures import NAMES, lied, packets_of, written
from tests.hostile.walk import walk

rng = random.Random(1)
LIES = written([lied(rng, p) if rng.random() < 0.2 and p.payload else p
                for p in packets_of("ffmpeg_auth.pcap")])

def lies():
    with mmscodec.open(LIES, protocols=None) as capture:
        walk(capture)

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()

name = sys.argv[1]
work = {"lies": lies}.get(name) or exhausted.WORKS.get(name) or getattr(exhaust, name)
many = int(sys.argv[2])
def repeat(count):
    for number in range(count):
        work()
        if number % 10 == 9:  # a capture and its sessions refer to each other
            gc.collect()

repeat(many // 4)
before = resident()
repeat(many)
print(resident() - before)
"""
WORK = [
    ("decode", 1000),
    ("gather", 1000),
    ("feed", 400),
    ("fragments", 4000),
    ("capture", 1000),
    ("batches", 1000),
    ("written", 1000),
    ("lies", 200),
    ("peers", 1000),
    ("peers_feed", 100),
    ("conversation", 4000),
    ("ciphers", 4000),
    ("many", 400),
    ("answers", 100),
    ("storm", 100),
    ("extracted", 100),
    ("streamed", 200),
    ("mms_tables", 100),
    ("udp_session", 100),
]


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs /proc")
@pytest.mark.skipif("LD_PRELOAD" in os.environ, reason="the allocator is a sanitizer's")
@pytest.mark.parametrize(("work", "many"), WORK)
def test_many_parses_take_no_more_memory_than_a_few(work, many):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, work, str(many)],
        env=os.environ | {"PYTHONPATH": ":".join(path or "." for path in sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 4 << 20
