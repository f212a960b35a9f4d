"""Buffers held inside cycles stay good while the garbage collector takes the cycle apart."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAD = """
import gc, io
import numpy as np
import mmscodec
from mmscodec import mms, winmx
from mmscodec.capture import records
raw = open("tests/captures/mms/ffmpeg_tcp.pcap", "rb").read()
other = open("tests/captures/winmx/primary.pcap", "rb").read()

class Cycle:
    pass

def drop(*things):
    # each thing and a view of its memory hang in a ring that only the collector can free
    ring = Cycle()
    ring.me, ring.things = ring, things

def views(data):
    yield data
    yield memoryview(data)
    yield np.frombuffer(data, np.uint8)
    yield memoryview(bytearray(data))[:]
"""
KINDS = {
    "captures": """
for view in views(raw if i % 2 else other):
    cap = mmscodec.open(view)
    drop(cap, view, len(cap.sessions), cap.messages, cap.winmx)
""",
    "batches of captures": """
for view in views(raw if i % 2 else other):
    cap = mmscodec.open(view)
    batches = cap.iter_batches(rows=8)
    drop(cap, view, next(batches), batches)
""",
    "MMS batches": """
for view in views(mms.encode("LinkMacToViewerPing") * 9):
    batch = mms.decode(view)
    drop(batch, view, batch.messages, batch["LinkMacToViewerPing"])
""",
    "MMS decoders": """
for view in views(mms.encode("LinkMacToViewerPing") * 9):
    decoder = mms.Decoder()
    drop(decoder, view, decoder.feed(view))
""",
    "WinMX batches": """
for view in views(bytes.fromhex("a1036000") + bytes(96)):
    batch = winmx.decode(view)
    drop(batch, view, batch.records, batch.nodes)
    drop(winmx.node_lists(view), view)
""",
    "encoders": """
for view in views(mms.encode("LinkMacToViewerPing") * 9):
    batch = mms.decode(view)
    drop(batch, view, mms.encode(batch), winmx.encode(np.zeros((2, 8), winmx.RECORD_DTYPE)))
""",
    "records": """
for view in views(raw):
    rows = records(view)
    drop(rows, view)
""",
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_collector_takes_cycles_apart(kind):
    loop = "\nfor i in range(60):\n" + "".join("    " + x + "\n" for x in KINDS[kind].split("\n"))
    code = HEAD + "gc.set_threshold(1)" + loop + "    gc.collect()\nprint('alive')\n"
    paths = [str(ROOT), *(path for path in sys.path if path)]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {paths!r}\n" + code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout == "alive\n"
