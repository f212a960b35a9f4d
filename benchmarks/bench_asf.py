"""Media out of a capture against plain copies of the same bytes: into the page cache, and to disk.

One MMS session over TCP: ASF packets of 1,432 bytes cut into segments of 1,448, so that nearly
every Data packet lies in two of them. One gigabyte of media, unless MMSCODEC_BENCH_MB says another
size. Every turn begins without the file that it writes, with nothing left to be written to the
disk, and with as much memory touched as the file needs in the page cache: a virtual machine gives
free memory back to its host, and whoever gets it next would pay for all of it. None of that is
timed.
"""

import os
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

import mmscodec
from benchmarks.harness import Run
from tests.asf import make
from tests.capture import build
from tests.sessions.play import MS, START, Play

MEGABYTES = int(os.environ.get("MMSCODEC_BENCH_MB", "1000"))
PACKET_LEN, SEGMENT_LEN, HEAD_LEN = 1432, 1448, 54
PIECE_LEN = 1 << 20  # of a plain write
RECORD = np.dtype(
    [("head", "V16"), ("link", "V14"), ("ip", "V20"), ("ports", "V4"), ("seq", ">u4"),
     ("rest", "V12"), ("payload", f"V{SEGMENT_LEN}")]
)  # fmt: skip


def media(count, short):
    """Data packets as they come on the wire, and the ASF packets that they hold."""
    packets = np.zeros((count, PACKET_LEN), np.uint8)
    body = np.random.default_rng(5).integers(0, 256, PACKET_LEN, np.uint8)
    first = make.packet(0, PACKET_LEN, bytes(body[: PACKET_LEN - 28 - short]))
    packets[:] = np.frombuffer(first, np.uint8)
    number = np.arange(count)
    packets[:, 7:11] = (number * 10).astype("<u4").view(np.uint8).reshape(-1, 4)
    packets[:, 30:34] = number.astype("<u4").view(np.uint8).reshape(-1, 4)
    sent = np.zeros((count, 8 + PACKET_LEN - short), np.uint8)
    sent[:, :4] = number.astype("<u4").view(np.uint8).reshape(-1, 4)
    sent[:, 4], sent[:, 5] = 10, number & 0xFF
    sent[:, 6:8] = np.frombuffer(np.uint16(sent.shape[1]).tobytes(), np.uint8)
    sent[:, 8:] = packets[:, : PACKET_LEN - short]
    if short:
        sent[:, 13:15] = 0  # padding length, as servers leave it
    return sent, packets


def records(play, stream):
    """Regular capture records of a long stream."""
    count = len(stream) // SEGMENT_LEN
    out = np.zeros(count, RECORD)
    play.tcp("s", bytes(SEGMENT_LEN))
    (_, _, _, frame) = play.frames.pop()
    out["head"] = np.void(build.pcap_record((START + play.clock * MS, frame))[:16])
    for name, low, high in (("link", 0, 14), ("ip", 14, 34), ("ports", 34, 38), ("rest", 42, 54)):
        out[name] = np.void(frame[low:high])
    start = play.next["s"] - SEGMENT_LEN
    out["seq"] = (start + np.arange(count) * SEGMENT_LEN) & 0xFFFFFFFF
    out["payload"] = stream[: count * SEGMENT_LEN].view(f"V{SEGMENT_LEN}")
    play.next["s"] = start + count * SEGMENT_LEN
    return out, stream[count * SEGMENT_LEN :]


@lru_cache(1)
def corpus(folder, short):
    """A capture of one session and the file that was served."""
    count = MEGABYTES * 1_000_000 // PACKET_LEN
    sent, packets = media(count, short)
    header = make.header(count, PACKET_LEN)
    asf = make.Asf(header, range(count), PACKET_LEN)
    play = Play().open().connect().open_file(asf).read_header(asf).start()
    before = build.pcap([(START + ms * MS, frame) for ms, _, _, frame in play.frames])
    play.frames.clear()
    many, rest = records(play, sent.reshape(-1))
    play.tcp("s", rest.tobytes())
    play.say("LinkMacToViewerReportEndOfStream", play_incarnation=10).close_file().close()
    behind = b"".join(
        build.pcap_record((START + ms * MS, frame)) for ms, _, _, frame in play.frames
    )
    path = Path(folder) / f"media-{short}.pcap"
    with path.open("wb") as file:
        file.write(before)
        many.tofile(file)
        file.write(behind)
    served = Path(folder) / f"served-{short}.asf"
    served.write_bytes(header + packets.tobytes())
    return path, served, count


def synced(path):
    """Wait until the disk has the file."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


@pytest.mark.parametrize("to_disk", [False, True], ids=["page cache", "disk"])
@pytest.mark.parametrize("short", [0, 100])
def bench_extract(contest, tmp_path_factory, short, to_disk):
    folder = tmp_path_factory.mktemp("asf")
    path, served, count = corpus(str(folder), short)
    size = served.stat().st_size
    cap = mmscodec.open(path)
    bytes_of_it = memoryview(served.read_bytes())
    target = folder / "out.asf"
    finish = synced if to_disk else lambda path: None

    def clear():
        memory = np.empty(size + size // 4, np.uint8)
        memory[::4096] = 1
        target.unlink(missing_ok=True)
        os.sync()

    def write():
        made = cap.write_asf(0, target)
        finish(target)
        return made

    def everything():
        mmscodec.open(path).write_asf(0, target)
        finish(target)

    def cp():
        subprocess.run(["cp", str(served), str(target)], check=True)
        finish(target)

    def plain():
        with target.open("wb", buffering=0) as file:
            for start in range(0, size, PIECE_LEN):
                file.write(bytes_of_it[start : start + PIECE_LEN])
        finish(target)

    def same():
        return subprocess.run(["cmp", str(target), str(served)], check=False).returncode == 0

    (made,) = write()
    assert made.packets == count
    assert made.padded == (count if short else 0)
    assert same()
    plain()
    assert same()
    behind = " + fsync" if to_disk else ""
    runs = [
        Run(f"write_asf{behind}", write, size, count, before=clear),
        Run(f"open + write_asf{behind}", everything, size, count, before=clear),
        Run(f"write(){behind}", plain, size, 0, before=clear),
        Run(f"cp{behind}", cp, size, 0, before=clear),
    ]
    words = f"{short} bytes of padding stripped" if short else "whole packets"
    where = "to disk" if to_disk else "page cache"
    roofs = [f"write(){behind}", f"cp{behind}"]
    contest(f"extract: {size / 1e6:.0f} MB, {words}, {where}", runs, roofs, rounds=4)
    shutil.rmtree(folder)
