"""Structured logs on standard error: lines of words for people, or JSON lines."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

LOG = logging.getLogger("mmscodec.collect")


def say(level: int, event: str, **about: Any) -> None:
    """One event, with what it is about."""
    LOG.log(level, event, extra={"about": about})


def info(event: str, **about: Any) -> None:
    """What happens in the course of things."""
    say(logging.INFO, event, **about)


def warning(event: str, **about: Any) -> None:
    """Something was lost, or may be."""
    say(logging.WARNING, event, **about)


class Text(logging.Formatter):
    """``mmscodec: file finished table=messages rows=5``."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        about = getattr(record, "about", {})
        # text of strangers stays on its line, and is no order to a terminal
        words = (f" {key}={_word(value)}" for key, value in about.items())
        level = f"{record.levelname.lower()}: " if record.levelno > logging.INFO else ""
        return f"mmscodec: {level}{record.getMessage()}{''.join(words)}"


def _word(value: Any) -> str:
    text = json.dumps(value, default=str)
    plain = isinstance(value, str) and text == f'"{value}"' and value and " " not in value
    return str(value) if plain else text


class _Json(logging.Formatter):
    """An object a line: time (UTC), level, event, and what it is about."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, in ASCII."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        about = getattr(record, "about", {})
        return json.dumps(
            {
                "time": f"{moment}.{int(record.msecs):03}Z",
                "level": record.levelname.lower(),
                "event": record.getMessage(),
                **about,
            },
            default=str,
        )


@contextmanager
def logging_to_stderr(form: str, level: str) -> Iterator[None]:
    """Events go to standard error, for as long as the service runs."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if form == "json" else Text())
    before = LOG.level, LOG.propagate
    LOG.addHandler(handler)
    LOG.setLevel(level.upper())
    LOG.propagate = False
    try:
        yield
    finally:
        LOG.removeHandler(handler)
        LOG.level, LOG.propagate = before
