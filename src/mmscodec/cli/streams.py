"""Standard streams that are closed, full, or whose reader has gone; output into a file, or none."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import TypeVar

T = TypeVar("T")


def prepare() -> bool:
    """Make both streams fit to be written to; False if standard output is closed.

    Python has None for a stream whose descriptor was closed, and `print` to None writes elsewhere.
    """
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    there = sys.stdout is not None
    if not there:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    return there


def abandon() -> None:
    """Nothing more can be written to standard output; not even at exit."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def settle() -> None:
    """Give out what was printed before something went wrong, if it can be given out."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError, KeyboardInterrupt):
        abandon()


def _named(target: str, action: Callable[[], T]) -> T:
    """What `action` gives; its error bears the name that the user gave."""
    try:
        return action()
    except OSError as error:
        raise type(error)(error.errno, error.strerror, target) from None


@contextmanager
def output_to(path: str | None) -> Iterator[None]:
    """What is printed goes into a file, which appears under its name when it is whole."""
    if path is None or path == "-":
        yield
        return
    from pathlib import Path

    target = Path(os.path.realpath(path))  # a link stays one
    if target.exists() and not target.is_file():  # a device or pipe
        with (
            open(target, "w", encoding="utf-8", errors="backslashreplace", newline="") as file,
            redirect_stdout(file),
        ):
            yield
        return
    part = target.with_name(target.name + ".part")
    try:
        with (
            _named(
                path,
                lambda: open(part, "w", encoding="utf-8", errors="backslashreplace", newline=""),
            ) as file,
            redirect_stdout(file),
        ):
            yield
        _named(path, lambda: os.replace(part, target))
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
