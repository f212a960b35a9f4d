"""Threads that share one capture wait for each other or are told; none ends the process."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAD = """
import sys, threading
import mmscodec
from mmscodec.errors import CaptureError
sys.setswitchinterval(1e-6)
PATH = "tests/captures/mms/libmms_playlist.pcap"

def sizes(cap):
    return len(cap.data), len(cap.messages), len(cap.faults), len(cap.flows)

WHOLE = sizes(mmscodec.open(PATH))

def together(*calls):
    # what each call gave, or the error that it raised
    got, gate = [], threading.Barrier(len(calls))
    def work(call):
        gate.wait()
        try:
            got.append(call())
        except (RuntimeError, CaptureError) as error:
            got.append(str(error))
    threads = [threading.Thread(target=work, args=(call,)) for call in calls]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    assert len(got) == len(calls), got  # nothing else was raised
    return got
"""
TABLES = """
for i in range(40):
    cap = mmscodec.open(PATH, threads={threads})
    got = together(*[lambda: sizes(cap)] * 6)
    assert got == [WHOLE] * 6, got
"""
BATCHES = """
for i in range(60):
    cap = mmscodec.open(PATH)
    passes = [cap.iter_batches(rows=50) for _ in range(3)]
    got = together(*[lambda it=it: sum(len(b.data) for b in it) for it in passes])
    whole = [g for g in got if g == WHOLE[0]]
    assert len(whole) == 1 and all("read in batches" in str(g) for g in got if g not in whole), got
"""
MIXED = """
for i in range(60):
    cap = mmscodec.open(PATH)
    batches = cap.iter_batches(rows=50)
    together(lambda: sum(len(b.data) for b in batches), lambda: len(cap.data), lambda: cap.counts)
"""
CALLBACK = """
def inside(step):
    try:
        cap._blocks
    except RuntimeError as error:
        seen.append(str(error))
seen = []
cap = mmscodec.open(PATH, progress=inside)
assert len(cap.data) == WHOLE[0]
assert seen and all("asked for by its progress" in text for text in seen), seen
"""
CASES = {
    "tables": TABLES.format(threads=1),
    "tables, two threads each": TABLES.format(threads=2),
    "batches": BATCHES,
    "batches and tables": MIXED,
    "a table from the progress callback": CALLBACK,
}


@pytest.mark.parametrize("case", CASES)
def test_one_capture(case):
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", HEAD + CASES[case] + "print('whole')"],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip()) == (0, "whole"), done.stderr[-2000:]
