"""A folder with the files that the pages name, and a shell in it."""

from __future__ import annotations

import importlib
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import mmscodec
from mmscodec.cli import main
from tests.docs.blocks import ROOT, Block, Command, commands, same
from tests.tables.consumers import library

#: Terminal that the output of the pages was printed on.
COLUMNS = 100
OWN = ROOT / "tests" / "captures" / "own"
_SHELL = re.compile(r"[|<>$*&;~`?]")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_COMMANDS = (
    "decode",
    "stats",
    "sessions",
    "report",
    "sql",
    "convert",
    "extract",
    "export",
    "explain",
)


def zstd():
    """The module that packs; Python has it from 3.14 on."""
    try:
        return importlib.import_module("compression.zstd")
    except ImportError:
        return library("backports.zstd")


class Screen(io.TextIOWrapper):
    """Standard output that says that it is a terminal."""

    def __init__(self, terminal: bool = True) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", newline="", write_through=True)
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal

    def text(self) -> str:
        self.flush()
        return self.buffer.getvalue().decode()


def fill(folder: Path) -> None:
    """trace.pcap is all captures of our own, one after the other; captures/ has four of them."""
    with mmscodec.open(sorted(OWN.glob("*.pcap"))) as cap:
        cap.write_pcap(folder / "trace.pcap")
        cap.write_pcap(folder / "trace.pcapng")
    whole = (folder / "trace.pcapng").read_bytes()
    (folder / "trace.pcapng.zst").write_bytes(zstd().compress(whole))
    (folder / "captures").mkdir()
    for name in ("own_ntlm", "own_losses", "own_lost_middle", "own_seek"):
        shutil.copy(OWN / f"{name}.pcap", folder / "captures")
    for name in ("tests", "examples"):
        os.symlink(ROOT / name, folder / name)
    (folder / "bin").mkdir()
    python = (
        f'#!/bin/sh\nPYTHONPATH="{os.pathsep.join([*sys.path, str(ROOT)])}" exec "{sys.executable}"'
    )
    for name, words in (("bin/mmscodec", ' -m mmscodec "$@"'), ("bin/python", ' "$@"'),
                        ("run", ' -m mmscodec "$@"')):  # fmt: skip
        (folder / name).write_text(python + words + "\n")
        (folder / name).chmod(0o755)


class Shell:
    """Runs the blocks of one page in a folder of its own; what one leaves the next one finds."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.names: dict[str, object] = {"__name__": "page"}
        self.missing: set[str] = set()
        patch.chdir(folder)
        patch.setenv("COLUMNS", str(COLUMNS))
        patch.setenv("NO_COLOR", "1")
        patch.setenv("HOME", str(folder))
        patch.setenv("PATH", f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}")
        self.patch = patch

    def run(self, block: Block) -> None:
        """Every command of a block; fails with what was printed instead."""
        for item in commands(block):
            program = shlex.split(item.words, comments=False)[0]
            if item.reason or block.reason:
                continue
            if shutil.which(program) is None:
                self.missing.add(program)
                continue
            status, printed = self.one(item)
            where = f"{block}: {item.words}\n"
            assert status in item.statuses, f"{where}status {status}\n{printed}"
            if item.shown is not None:
                assert same(item.shown, printed), f"{where}{printed}"

    def one(self, item: Command) -> tuple[int, str]:
        """Status and output of a command: within this process where no shell is needed."""
        words = item.words
        if _SHELL.search(_QUOTED.sub("", words)) or not self.ours(words):
            done = subprocess.run(
                ["bash", "-o", "pipefail", "-c", words], capture_output=True, text=True, timeout=120
            )
            return done.returncode, done.stdout or done.stderr  # warnings depend on the system
        screen, errors = Screen(), Screen(terminal=False)
        with self.patch.context() as patch:
            patch.setattr(sys, "stdout", screen)
            patch.setattr(sys, "stderr", errors)
            try:
                status = main(shlex.split(words)[1:])
            except SystemExit as end:  # --help, --version, wrong usage
                status = int(end.code or 0)
        return status, screen.text() + errors.text()

    @staticmethod
    def ours(words: str) -> bool:
        """Whether `main` can do it."""
        first, *rest = shlex.split(words)
        return first == "mmscodec" or (first == "./run" and bool(rest) and rest[0] in _COMMANDS)
