"""A progress bar on standard error, where somebody looks at it."""

from __future__ import annotations

import importlib.util
import sys
import time
from types import TracebackType
from typing import Any

_EVERY = 0.1  # seconds between two drawings of the plain line


def wanted(quiet: bool) -> bool:
    """Whether standard error is a terminal and nobody asked for silence."""
    return not quiet and sys.stderr.isatty()


class Silent:
    """No bar."""

    def start(self, words: str, total: int | None = None) -> None:
        """A new piece of work of `total` bytes, if that is known."""

    def add(self, count: int) -> None:
        """`count` more bytes are done."""

    def aside(self) -> None:
        """Make room for lines on standard output; the next `start` shows the bar again."""

    def __enter__(self) -> Silent:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Take the bar away."""


class Plain(Silent):
    """One line that is written over."""

    def __init__(self) -> None:
        self.words, self.done, self.drawn = "", 0, 0.0
        self.total: int | None = None

    def start(self, words: str, total: int | None = None) -> None:
        """A new line."""
        self.words, self.total, self.done = words, total, 0
        self._draw()

    def add(self, count: int) -> None:
        """Go on."""
        self.done += count
        if time.monotonic() - self.drawn > _EVERY:
            self._draw()

    def _draw(self) -> None:
        self.drawn = time.monotonic()
        share = f" {100 * self.done // self.total} %" if self.total else ""
        size = f" {self.done / 1e6:.0f} MB" if self.done else ""
        sys.stderr.write(f"\r{self.words[:60]}{size}{share}\x1b[K")
        sys.stderr.flush()

    def aside(self) -> None:
        """Clear the line."""
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()

    def stop(self) -> None:
        """Take it away."""
        self.aside()


class _Rich(Silent):
    """The bar of the package rich."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TransferSpeedColumn,
        )

        self.bar: Any = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            console=Console(stderr=True),
            transient=True,
            redirect_stdout=False,  # which goes into files and pipes
            redirect_stderr=False,
        )
        self.task: Any = None

    def start(self, words: str, total: int | None = None) -> None:
        """A new line."""
        if self.task is not None:
            self.bar.remove_task(self.task)
        self.bar.start()
        self.task = self.bar.add_task(words[:60].replace("[", "\\["), total=total)

    def add(self, count: int) -> None:
        """Go on."""
        if self.task is not None:
            self.bar.advance(self.task, count)

    def aside(self) -> None:
        """Take the bar away for a while."""
        self.bar.stop()

    def stop(self) -> None:
        """Take it away."""
        self.bar.stop()


def progress(quiet: bool) -> Silent:
    """The best bar there is: rich, one plain line, or none where nobody would see it."""
    if not wanted(quiet):
        return Silent()
    return _Rich() if importlib.util.find_spec("rich") is not None else Plain()
