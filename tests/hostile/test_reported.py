"""Inputs that were reported against the package, each a test by the name of its report.

Each stands for a kind, and the kinds have tests of their own: connections behind holes and live
WinMX (`waiting_growth`, `winmx_stamps`) in test_memory_behind_holes.py and test_live_winmx.py, odd
orders of calls and shared objects (`misuse`, `threads`) in test_half_made.py, test_collector.py,
test_capture_states.py, test_shared_objects.py and test_capture_threads.py.
"""

import contextlib
import gc
import io
import struct
import sys

import numpy as np
import pytest

import mmscodec
from mmscodec import cli, mms, winmx
from mmscodec.winmx import cipher
from tests.capture import build, recut
from tests.capture import frames as f
from tests.capture.truth import FOLDER

ROWS = (1, 10, 49, 99, 100, 101, 65536)


def conflicting(packets, every):
    """Pings in one flow; some come again with another byte, just before and long before."""
    ping = mms.encode("LinkMacToViewerPing")
    evil = bytearray(ping)
    evil[40] ^= 255
    at, out = 1, [(0, f.ethernet(f.ipv4(f.tcp(b"", seq=0, flags=2, src_port=1755, dst_port=2000))))]
    for i in range(packets):
        again = [(bytes(evil), back) for back in (1, 20, 40) if i % every == 6]
        for payload, back in [*again, (ping, 0)]:
            if at > 48 * back:
                inner = f.tcp(payload, seq=at - 48 * back, flags=16, src_port=1755, dst_port=2000)
                out.append((1000 + len(out), f.ethernet(f.ipv4(inner))))
        at += 48
    return build.pcap(out, magic=build.NANO)


@pytest.mark.parametrize(("packets", "every"), [(50, 49), (600, 7)])
def test_evade(packets, every):
    """A conflict right behind the border of a batch is said as it is of the whole capture."""
    raw = conflicting(packets, every)
    with mmscodec.open(raw) as whole:
        said = whole.faults.text(), int(whole.flows["conflicts"].max())
    assert said[1] > 0
    for rows in ROWS:
        texts, conflicts = [], 0
        with mmscodec.open(raw) as capture:
            for batch in capture.iter_batches(rows=rows):
                texts += batch.faults.text()
                conflicts = max([conflicts, *batch.flows["conflicts"].tolist()])
        assert (texts, conflicts) == said, rows


def calls(work):
    """Calls of Python functions while `work` runs."""
    count = 0

    def note(frame, event, argument):
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def test_findings_quadratic(tmp_path):
    """Four times the messages take at most some five times the calls to decode with findings."""
    counts = []
    for many in (200, 200, 800):  # the first one imports
        data = b"".join(
            mms.encode("LinkViewerToMacConnect", subscriber_name="NSPlayer/7.0; {1}", seq=i)
            for i in range(many)
        )
        items = [recut.Packet(0, "192.0.2.10", "198.51.100.20", 6, 40000, 1755, 0, 0, 2, b"")]
        items += [
            recut.Packet(i, "192.0.2.10", "198.51.100.20", 6, 40000, 1755, 1 + i, 1, 16,
                         data[i : i + 1400])
            for i in range(0, len(data), 1400)
        ]  # fmt: skip
        path = tmp_path / f"{many}.pcap"
        path.write_bytes(build.pcap(recut.ethernet(items), magic=build.NANO))
        shown = io.StringIO()

        def work(path=path, shown=shown):
            with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(io.StringIO()):
                cli.main(["decode", "--findings", str(path)])

        counts.append(calls(work))
        assert shown.getvalue().count("\n") >= many
    assert counts[2] <= 5 * counts[1]


@pytest.mark.parametrize("cuts", [[298], [149, 298], [100, 298], list(range(1, 299))])
def test_repro_cache(cuts):
    """Behind the reply of a peer cache a decoder invents nothing, and says what is too much."""
    data = winmx.encode_cache_reply(np.zeros(10, winmx.RECORD_DTYPE)) + bytes(149)
    whole = winmx.decode(data, link="cache")
    decoder = winmx.Decoder(link="cache")
    at, rows, nodes, faults = 0, [], 0, []
    for end in cuts:
        batch = decoder.feed(data[at:end])
        at = end
        rows += batch.packets.tolist()
        nodes += len(batch.nodes)
        faults += batch.faults.text()
    faults += decoder.close().faults.text()
    assert (rows, nodes) == (whole.packets.tolist(), len(whole.nodes)) == (rows, 10)
    assert faults == whole.faults.text()
    assert len(faults) == 1


def test_repro_extent():
    """Bytes of a field that is absent lie in the buffer: none, at the end of the message."""
    message = mms.encode("LinkViewerToMacStartPlaying")
    batch = mms.decode(message)
    for field in ("dw_accel_bandwidth", "dw_accel_duration", "dw_link_bandwidth"):
        assert batch.extents("LinkViewerToMacStartPlaying", field).tolist() == [(len(message), 0)]


def test_repro_gc_natural():
    """A loop over captures in memory, while the collector looks at whatever there is."""
    raw = (FOLDER / "ffmpeg_tcp.pcap").read_bytes()
    thresholds = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    try:
        for _ in range(3):
            with mmscodec.open(raw) as capture:
                assert len(capture.sessions) == 1
    finally:
        gc.set_threshold(*thresholds)


def legacy(data):
    """A frame of WPNP 2.x with the type of a node list."""
    coded = bytes(cipher.legacy_encode(struct.pack("<H", 0x3A1) + data))
    return struct.pack("<H", len(data)) + coded


def test_repro_legacy():
    """No record is gathered from frames that have none, into no memory and into used memory."""
    frame = legacy(b"ABCDEFGHIJKL")
    assert len(winmx.decode(frame, link="legacy").records) == 0
    out = winmx.Batch()
    assert len(winmx.decode(bytes.fromhex("A1030C00") + bytes(12), out=out).records) == 1
    assert len(winmx.decode(legacy(b"A" * 60000) * 40, link="legacy", out=out).records) == 0
    decoder = winmx.Decoder(link="legacy")
    decoder.feed(frame[:7])
    assert len(decoder.feed(frame[7:]).records) == 0
