"""Nothing is printed while a progress bar is shown: it would be drawn over it."""

import io
import sys
from importlib import import_module
from pathlib import Path

import pytest

from mmscodec.cli import main
from mmscodec.cli.progress import Silent
from tests.tables.consumers import library

PATH = str(Path(__file__).resolve().parents[1] / "captures" / "mms" / "libmms_playlist.pcap")
#: Commands that have a bar on a terminal, and what they are given.
WORDS = {
    "convert": ["--tables", "messages", "-o", "{}/tables", PATH],
    "export": ["-o", "{}/out.pcap", PATH],
    "extract": ["-o", "{}/media", PATH],
    "sessions": [PATH],
    "sql": ["select count(*) from messages", PATH],
    "stats": [PATH],
}


class Bar(Silent):
    """A bar that knows whether it is shown."""

    shown = False
    begun = 0

    def start(self, words, total=None):
        self.shown = True
        self.begun += 1

    def aside(self):
        self.shown = False

    stop = aside


class Terminal(io.StringIO):
    """Standard output that is written to only where no bar is shown."""

    def __init__(self, bar):
        super().__init__()
        self.bar = bar

    def write(self, text):
        assert not self.bar.shown, f"a bar is drawn over {text!r}"
        return super().write(text)


class Keyboard:
    """Standard input of a person: nothing reads it but `input`."""

    def isatty(self):
        return True


def shown_on_a_terminal(monkeypatch):
    """A bar for every command, and an output that minds it."""
    made = Bar()
    for command in WORDS:
        module = import_module(f"mmscodec.cli.{command}")
        monkeypatch.setattr(module, "progress", lambda quiet: made)
    monkeypatch.setattr(sys, "stdout", Terminal(made))
    return made


@pytest.mark.parametrize("command", WORDS)
def test_the_bar_is_gone_before_anything_is_printed(command, monkeypatch, tmp_path):
    bar = shown_on_a_terminal(monkeypatch)
    if command in ("convert", "sql"):
        library("pyarrow" if command == "convert" else "duckdb")
    assert main([command, *(word.format(tmp_path) for word in WORDS[command])]) == 0
    assert bar.begun
    assert sys.stdout.getvalue()
    assert not bar.shown


def test_the_bar_is_gone_at_the_prompt(monkeypatch):
    library("duckdb")
    bar = shown_on_a_terminal(monkeypatch)
    monkeypatch.setattr("sys.stdin", Keyboard())
    queries = iter(["select count(*) from messages;", ".quit"])

    def read(text=""):
        assert not bar.shown
        return next(queries)

    monkeypatch.setattr("builtins.input", read)
    assert main(["sql", PATH]) == 0
    assert "count_star()" in sys.stdout.getvalue()
