"""A folder with the files that the examples of the help name, and a way to run the command."""

from __future__ import annotations

import io
import os
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

import mmscodec
from mmscodec.cli import main

CAPTURES = Path(__file__).resolve().parents[1] / "captures"
_PIPE = 1 << 16  # bytes that a pipe takes without a reader


class Output(io.TextIOWrapper):
    """Standard output in memory, with the bytes below it."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", newline="")

    def raw(self) -> bytes:
        """What was written."""
        self.flush()
        return self.buffer.getvalue()  # type: ignore[attr-defined]


def piped(content: bytes) -> io.TextIOWrapper:
    """Standard input that is a pipe with a few bytes."""
    assert len(content) <= _PIPE
    out, into = os.pipe()
    os.write(into, content)
    os.close(into)
    return open(out, encoding="utf-8")


def run(words, stdin: bytes = b"") -> tuple[int, bytes, str]:
    """Exit status, standard output and standard error of one command."""
    out, err = Output(), io.StringIO()
    with (
        piped(stdin) as given, patch("sys.stdin", given), redirect_stdout(out),
        redirect_stderr(err),
    ):  # fmt: skip
        try:
            status = main([str(word) for word in words])
        except SystemExit as ended:
            status = int(ended.code or 0)
    return status, out.raw(), err.getvalue()


def furnish(folder: Path) -> None:
    """trace.pcap with many sessions, trace2.pcap with some of them, and captures/."""
    files = sorted((CAPTURES / "mms").glob("*.pcap"))
    with mmscodec.open(files) as capture:
        capture.write_pcap(folder / "trace.pcap")
        capture.write_pcap(folder / "trace2.pcap", [0])
    (folder / "captures").mkdir()
    for file in files[:2]:
        (folder / "captures" / file.name).write_bytes(file.read_bytes())
