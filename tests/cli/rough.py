"""Commands in rough circumstances: what is given to each, and what it may have left behind."""

from __future__ import annotations

import io
import random
import sys
import warnings
from _thread import interrupt_main
from contextlib import redirect_stderr
from functools import cache
from pathlib import Path
from unittest.mock import patch

import pytest

from mmscodec.__main__ import main
from tests.cli.places import CAPTURES, Output, piped

CAPTURE = CAPTURES / "mms" / "libmms_seek.pcap"
#: Commands by a name; OUT is a path in a folder of its own.
COMMANDS = {
    "decode": ["decode"],
    "decode json": ["decode", "--json"],
    "decode csv": ["decode", "--csv", "-q", "--findings"],
    "decode file": ["decode", "--json", "-w", "OUT"],
    "stats": ["stats"],
    "stats json": ["stats", "--json"],
    "sessions": ["sessions", "--exchanges", "--states", "--rates", "0.05"],
    "sessions csv": ["sessions", "--csv"],
    "report": ["report", "-o", "OUT"],
    "report pipe": ["report", "-o", "-"],
    "sql": ["sql", "from messages"],
    "sql parquet": ["sql", "--parquet", "OUT", "from data"],
    "convert": ["convert", "-o", "OUT"],
    "convert parts": ["convert", "--format", "csv", "--partition", "hour", "-o", "OUT"],
    "collect": ["collect", "-q", "-o", "OUT"],
    "extract": ["extract", "-o", "OUT"],
    "export": ["export", "-o", "OUT"],
    "export pipe": ["export", "-o", "-"],
    "export raw": ["export", "--format", "raw", "-o", "OUT"],
    "explain": ["explain", "--flow", "1", "--limit", "999"],
    "explain json": ["explain", "--json", "--frame", "9"],
    "wireshark": ["wireshark"],
    "wireshark file": ["wireshark", "-o", "OUT"],
    "completion": ["completion", "bash"],
}  # fmt: skip
NO_CAPTURE = ("wireshark", "completion")
READERS = [name for name, words in COMMANDS.items() if words[0] not in NO_CAPTURE]
PRINTERS = [name for name, words in COMMANDS.items() if "OUT" not in words]
WRITERS = [name for name, words in COMMANDS.items() if "OUT" in words]
_NEEDS = {
    "sql": "duckdb", "convert": "pyarrow", "collect": "pyarrow", "completion": "shtab",
    "report": "jinja2",
}  # fmt: skip


def words_of(name: str, out: Path, capture: object = CAPTURE) -> list[str]:
    """The words of a command; it skips where a package is missing that it needs."""
    words = COMMANDS[name]
    if needed := _NEEDS.get(words[0]):
        pytest.importorskip(needed, reason=f"{needed} is not installed")
    words = [str(out) if word == "OUT" else word for word in words]
    return words if words[0] in NO_CAPTURE else [*words, str(capture)]


class Ended:
    """How a command ended: status, what it printed, what it said."""

    def __init__(self, status: int, out: bytes, said: str) -> None:
        self.status, self.out, self.said = status, out, said

    def well(self, *statuses: int) -> Ended:
        """It ended with one of these, and said so in sentences."""
        assert self.status in statuses, (self.status, self.said)
        assert "Traceback" not in self.said
        for line in self.said.splitlines():
            assert line.startswith(("mmscodec", "usage:", " ")), self.said
        return self


def run(
    words: list[str], stdout: object = ..., stdin: object = ..., signal: CtrlC | None = None
) -> Ended:
    """One command; an exception that leaves it is what a user would see as a traceback."""
    out = Output() if stdout is ... else stdout
    err = io.StringIO()
    with (
        piped(b"") as nothing, patch("sys.stdin", nothing if stdin is ... else stdin),
        patch("sys.stdout", out), redirect_stderr(err), warnings.catch_warnings(),
    ):  # fmt: skip
        warnings.simplefilter("error")
        try:
            status = main(words) if signal is None else signal.during(words)
        except SystemExit as ended:
            status = int(ended.code or 0)
        if sys.stdout is not out:  # it had none, and made one
            sys.stdout.close()
    return Ended(status, out.raw() if isinstance(out, Output) else b"", err.getvalue())


@cache
def usual(name: str, folder: Path) -> Ended:
    """How a command ends where all is well; also what it imports is there then."""
    return run(words_of(name, folder / name.replace(" ", "-")))


def left(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


class Closing(io.RawIOBase):
    """A pipe whose reader goes away behind some bytes, or a disk that is full then."""

    def __init__(self, room: int, error: type[OSError], number: int) -> None:
        self.room, self.error = room, error(number, "the end of the test's room")
        self.taken = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        if self.room <= 0:
            raise self.error
        piece = bytes(data)[: self.room]
        self.room -= len(piece)
        self.taken += piece
        return len(piece)


def narrow(room: int, error: type[OSError], number: int) -> io.TextIOWrapper:
    """Standard output with room for some bytes."""
    buffered = io.BufferedWriter(Closing(room, error, number), 1 << 13)
    return io.TextIOWrapper(buffered, encoding="utf-8", newline="")


def forget(stream: io.TextIOWrapper) -> None:
    """Close a stream that has bytes left which nothing takes."""
    raw = stream.buffer.raw  # type: ignore[attr-defined]
    raw.room = 1 << 40
    stream.close()


class CtrlC:
    """A signal when the `at`-th function is called, and the count of calls."""

    def __init__(self, at: int) -> None:
        self.at, self.calls = at, 0

    def __call__(self, frame: object, event: str, argument: object) -> None:
        if event == "call":
            self.calls += 1
            if self.calls == self.at:
                interrupt_main()

    def during(self, words: list[str]) -> int:
        """The status of a command; KeyboardInterrupt must not leave it."""
        sys.setprofile(self)
        try:
            return main(words)
        except KeyboardInterrupt:
            sys.setprofile(None)
            raise AssertionError(f"{words}: a traceback at call {self.at}") from None
        finally:
            sys.setprofile(None)


def moments(whole: int, name: str, count: int) -> list[int]:
    """Some numbers from 2 to `whole`, the ends among them; other ones for each name."""
    chance = random.Random(name)
    return sorted({2, whole, *(chance.randint(2, max(whole, 2)) for _ in range(count))})
