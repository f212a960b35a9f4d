"""A soak of `mmscodec collect`: connections open and close without end, and every row is compared.

    PYTHONPATH=src python -m tools.soak --seconds 1800

Two collectors run side by side: one reads a capture from a pipe, the other takes raw streams. Of
the connections one in three is hostile: noise, a packet of 2 GB, a stream that is cut, one with a
hole, one that says nothing. All processes share one core unless `--cores` says otherwise. A line of
figures comes every minute (`--every`), and a verdict at the end: rows are those that were sent,
each once, nothing was dropped, and memory did not grow in the second half. Files are read and taken
away as they are finished, so that the disk does not fill.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.collect.service import finished
from tests.collect.traffic import AGES, Seen, capture, cohorts, parts

_ENDLESS = 1 << 27
_TABLES = "LinkMacToViewerPing,faults"


class Watched:
    """A collector, what it wrote, and how much memory it had when."""

    def __init__(self, name: str, folder: Path, roll: float, *words: object) -> None:
        self.name, self.out = name, folder / name
        self.seen, self.memory = Seen(), []  # type: ignore[var-annotated]
        self.opened = self.bytes = self.faults = self.streams = 0
        self.log = (folder / f"{name}.log").open("w+")
        command = [sys.executable, "-m", "mmscodec", "collect", "--log-format", "json"]
        command += ["-o", self.out, "--roll-seconds", roll, "--max-flows", 16_384, *words]
        self.process = subprocess.Popen(
            list(map(str, command)),
            stdin=subprocess.PIPE if words[-1] == "-" else subprocess.DEVNULL,
            stderr=self.log,
        )

    def look(self) -> None:
        """Compare the rows of finished files, take these away, and note the memory."""
        import pyarrow.parquet as parquet

        for path in finished(self.out):
            table = parquet.ParquetFile(path).read()
            if path.parts[-3] == "LinkMacToViewerPing":
                columns = (table[name].to_numpy() for name in ("dw_param1", "dw_param2"))
                self.seen.add(*columns)
            elif path.parts[-3] == "streams":
                self.streams += len(table)
            else:
                self.faults += len(table)
            path.unlink()
        try:
            words = Path(f"/proc/{self.process.pid}/statm").read_text().split()
            self.memory.append(int(words[1]) * os.sysconf("SC_PAGE_SIZE"))
        except (OSError, IndexError):
            pass  # it has ended, or there is no /proc

    def end(self, raw: bool, slack: int) -> list[str]:
        """Let it end, and say what was wrong."""
        if raw:
            self.process.send_signal(signal.SIGTERM)
        else:
            self.process.stdin.close()  # type: ignore[union-attr]
        status, memory = self.process.wait(120), list(self.memory)
        self.look()
        self.log.seek(0)
        said = self.log.read()
        self.log.close()
        wrong = [f"status {status}"] if status not in (0, 3) else []
        wrong += ["a traceback in its log"] if "Traceback" in said else []
        events = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
        dropped = events[-1].get("dropped", -1) if events else -1
        wrong += [f"{dropped} rows dropped"] if dropped else []
        differing = self.seen.differing(self.opened, not raw)
        wrong += [f"{len(differing)} connections have other rows"] if len(differing) else []
        wrong += [f"{self.seen.twice} rows twice"] if self.seen.twice else []
        wrong += [f"{self.seen.strange} strange rows"] if self.seen.strange else []
        wrong += (
            [f"{self.streams} of {self.opened} streams"]
            if raw and self.streams != self.opened
            else []
        )
        wrong += [] if self.faults else ["no fault of so many hostile streams"]
        return [f"{self.name}: {words}" for words in wrong + grown(memory, slack)]


def grown(memory: list[int], slack: int = 8 << 20) -> list[str]:
    """Whether the last quarter of a run had more memory than the one before: 5 % and `slack`."""
    third, last = memory[len(memory) // 2 : len(memory) * 3 // 4], memory[len(memory) * 3 // 4 :]
    if not third or not last:
        return ["its memory cannot be read here"]
    before, after = max(third), max(last)
    more = after > before * 1.05 + slack
    return [f"memory grew from {before >> 20} to {after >> 20} MiB"] if more else []


def through_a_pipe(to: Watched, together: int, more: Callable[[], bool]) -> Iterator[None]:
    """Feed a capture, a step at a time."""
    for to.opened, piece in capture(_ENDLESS, together, more):
        to.process.stdin.write(piece)  # type: ignore[union-attr]
        to.process.stdin.flush()  # type: ignore[union-attr]
        to.bytes += len(piece)
        yield


def through_sockets(
    to: Watched, place: Path, together: int, more: Callable[[], bool]
) -> Iterator[None]:
    """Feed raw streams, a step at a time."""
    there: dict[int, socket.socket] = {}
    for to.opened, now in cohorts(_ENDLESS, together, more):
        for age, numbers in now:
            if age == 0:
                for number in numbers.tolist():
                    there[number] = connection = socket.socket(socket.AF_UNIX)
                    connection.connect(str(place))
            elif age == AGES - 1:
                for number in numbers.tolist():
                    there.pop(number).close()
            else:
                for number, said in parts(numbers, age).items():
                    there[number].sendall(said)
                    to.bytes += len(said)
        yield


def soak(seconds: float, every: float, together: int, folder: Path) -> list[str]:
    """Run it; what was wrong."""
    roll = max(0.5, min(30.0, seconds / 10))
    place = folder / "mms.sock"
    pipe = Watched("pipe", folder, roll, "--tables", _TABLES, "-")
    raw = Watched(
        "raw", folder, roll, "--tables", f"{_TABLES},streams", "--listen", f"unix:{place}"
    )
    while not place.exists():
        time.sleep(0.05)
    begin = time.monotonic()
    more = lambda: time.monotonic() - begin < seconds  # noqa: E731
    feeds = [
        through_a_pipe(pipe, together, more), through_sockets(raw, place, together // 10, more)
    ]  # fmt: skip
    looked = said = begin
    while feeds:
        feeds = [feed for feed in feeds if next(feed, feed) is None]
        now = time.monotonic()
        if now - looked >= min(1.0, seconds / 40):
            looked = now
            pipe.look()
            raw.look()
        if now - said >= every:
            said = now
            print(figures(now - begin, pipe, raw), flush=True)
    # a short run has hardly as many connections as are kept in mind: it sees no small growth
    slack = (8 if seconds >= 300 else 64) << 20
    wrong = pipe.end(False, slack) + raw.end(True, slack)
    print(figures(time.monotonic() - begin, pipe, raw), flush=True)
    return wrong


def figures(seconds: float, *both: Watched) -> str:
    """One line."""
    words = [
        f"{one.name}: {one.opened} connections, {one.bytes / 1e6:.0f} MB, {one.seen.rows} rows, "
        f"{one.faults} faults, {max(one.memory[-20:], default=0) >> 20} MiB"
        for one in both
    ]
    return f"{seconds:6.0f} s  " + "; ".join(words)


def main(words: list[str] | None = None) -> int:
    """The script."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--every", type=float, default=60.0, help="seconds between two lines")
    parser.add_argument("--together", type=int, default=2000, help="opened at a time")
    parser.add_argument("--cores", type=int, default=1, help="0: all")
    given = parser.parse_args(words)
    if given.cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: given.cores])
    folder = Path(tempfile.mkdtemp(prefix="mmscodec-soak-"))
    try:
        wrong = soak(given.seconds, given.every, given.together, folder)
    finally:
        shutil.rmtree(folder)
    print("soak: all is well" if not wrong else "soak: " + "; ".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
