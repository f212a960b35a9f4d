"""`cap.sessions`, exchanges and transitions against the pass over the same capture, in one run."""

from __future__ import annotations

import os
import tempfile
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import mmscodec
from benchmarks.capture_corpus import be
from benchmarks.harness import Run
from tests.asf import make
from tests.capture import build
from tests.sessions import kinds

START = 1_795_000_000_000_000_000
TOGETHER = 100  # sessions at a time
#: Name -> sessions, seeks and media packets of each.
FORMS = {"short": (20_000, 0, 3), "seeks": (2_000, 8, 20), "long": (1_000, 0, 1_000)}


def template(seeks: int, media: int) -> list[tuple[int, np.ndarray]]:
    """Time in ms and bytes of each frame of one session."""
    asf = make.asf(count=max(media, 4))
    play = kinds.begun(asf).start().packets(asf, range(media))
    incarnation = 10
    for number in range(1, seeks + 1):
        play.stop(incarnation)
        incarnation += 1
        play.start(incarnation, location_id=media // 2, position=1.0)
        again = range(media // 2, media)
        play.packets(asf, again, incarnation=incarnation, sequence=number * media)
    kinds.end_of_stream(play, incarnation)
    play.close_file().close()
    return [(ms, np.frombuffer(frame, np.uint8)) for ms, _, _, frame in play.frames]


def records(frame: np.ndarray, numbers: np.ndarray, time_ns: int) -> np.ndarray:
    """The same frame of many sessions, each with a client's address of its own."""
    rows = np.zeros((len(numbers), 16 + len(frame)), np.uint8)
    at = time_ns + numbers % TOGETHER * 1000
    head = np.zeros((len(numbers), 4), "<u4")
    head[:, 0], head[:, 1] = at // 10**9, at % 10**9 // 1000
    head[:, 2:] = len(frame)
    rows[:, :16] = head.view(np.uint8)
    rows[:, 16:] = frame
    client = 16 + (26 if bytes(frame[26:30]) == bytes([10, 0, 0, 1]) else 30)
    rows[:, client : client + 4] = be(0x0A010000 + numbers, 4)
    return rows


def corpus(folder: Path, form: str) -> Path:
    """A capture of sessions of one form, `TOGETHER` of them at a time."""
    sessions, seeks, media = FORMS[form]
    frames = template(seeks, media)
    length = (frames[-1][0] + 1) * 1_000_000
    path = folder / f"{form}.pcap"
    with path.open("wb") as out:
        out.write(build.pcap([]))
        for number, first in enumerate(range(0, sessions, TOGETHER)):
            some = np.arange(first, min(first + TOGETHER, sessions))
            for ms, frame in frames:
                at = START + number * length + ms * 1_000_000
                out.write(records(frame, some, at).tobytes())
    return path


def opened(path: Path) -> mmscodec.Capture:
    """The pass: its tables of control messages and Data packets."""
    cap = mmscodec.open(path)
    assert len(cap.messages) + len(cap.data)
    return cap


@pytest.mark.parametrize("form", list(FORMS))
def bench_sessions(contest, form):
    """Ratios are those of the rates: 1 / (time of the line / time of the pass)."""
    with tempfile.TemporaryDirectory() as name:
        path = corpus(Path(name), form)
        kept: list[mmscodec.Capture] = []

        def fresh() -> None:
            kept[:] = [opened(path)]

        size, rows = os.path.getsize(path), len(opened(path).messages)
        fresh()
        assert len(kept[0].sessions) == FORMS[form][0]
        contest(
            f"{form}: {FORMS[form][0]} sessions",
            [
                Run("sessions", lambda: kept[0].sessions, size, FORMS[form][0], before=fresh),
                Run("pass", lambda: opened(path), size, rows),
                Run("findings", lambda: kept[0].findings, size, rows, before=fresh),
            ],
            ["pass"], rounds=5,
        )  # fmt: skip


def flow_of_messages(path: Path, pairs: int) -> int:
    """One connection that says Ping and Pong so often; gives the number of messages."""
    from tests.sessions.play import Play

    play = Play().open().connect()
    for _ in range(pairs):
        play.say("LinkMacToViewerPing").say("LinkViewerToMacPong")
        play.count = {who: number % 60_000 for who, number in play.count.items()}  # 16 bits
    path.write_bytes(build.pcap([(START + ms * 1_000_000, f) for ms, _, _, f in play.frames]))
    return 2 * pairs


def bench_memory_of_messages(benchmark):
    """Bytes that sessions, exchanges and transitions take for each message of one long flow."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "pings.pcap"
        count = flow_of_messages(path, 100_000)
        cap = opened(path)
        found = cap.findings, cap.faults, cap.packets
        tracemalloc.start()
        began = time.perf_counter()
        tables = cap.sessions, cap.exchanges, cap.transitions
        spent = time.perf_counter() - began
        peak = tracemalloc.get_traced_memory()[1] / count
        tracemalloc.stop()
        blocks = sum(table.nbytes for table in tables[1:]) / count
        benchmark.extra_info["bytes a message"] = round(peak, 1)
        print(f"\n{count} messages: {spent:.3f} s, peak {peak:.0f} + {blocks:.0f} bytes a message")
        assert len(found[1]) == 0
        benchmark.pedantic(lambda: opened(path).sessions, rounds=3)
