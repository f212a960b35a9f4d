"""The page: data as JSON, one script, one style; nothing in it is fetched."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import import_module
from importlib.resources import files
from itertools import chain
from typing import Any

import numpy as np

from mmscodec.errors import MissingExtraError
from mmscodec.lines.fields import Style, safe
from mmscodec.report.detail import Details
from mmscodec.report.ladder import Ladder, mms_fields, winmx_fields
from mmscodec.report.limits import limits_for, short
from mmscodec.report.overview import overview, players, session_table
from mmscodec.report.problems import Problems, fault_rows, gap_words
from mmscodec.report.winmx import Winmx
from mmscodec.schema.mms import BY_MID

_SCRIPTS = ("base.js", "grid.js", "sessions.js", "ladder.js", "charts.js", "views.js", "main.js")
_STYLE = Style()
_ESCAPES = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


def page(
    capture: Any,
    *,
    names: Iterable[str] = (),
    sessions: Iterable[int] | None = None,
    style: Style = _STYLE,
) -> str:
    """A self-contained page of HTML about a capture.

    Parameters
    ----------
    capture : Capture
        The index of all of it must fit into memory.
    names : iterable of str
        The files, as they were given.
    sessions : iterable of int, optional
        Rows of `cap.sessions` that are shown; default: all, up to a ceiling that the page states.
    style : Style
        Encoding of 8-bit text, and whether credentials may be seen.

    Returns
    -------
    str
        The page. It makes no request, and nothing from the capture is markup or script in it.

    Raises
    ------
    MissingExtraError
        jinja2 or plotly is not installed.
    """
    jinja2 = _library("jinja2")
    charts, mark = _charts()
    data, details = _data(capture, list(names), sessions, style)
    script = "\n".join(_part(name) for name in _SCRIPTS)
    environment = jinja2.Environment(autoescape=True, keep_trailing_newline=True)
    markup = import_module("markupsafe").Markup  # of what is none: JSON, and our own files
    whole = environment.from_string(_part("page.jinja"))
    return whole.render(
        title=data["title"],
        policy=_policy(_mark(script), mark),
        style=markup(_part("page.css")),
        script=markup(script),
        charts=charts,
        data=markup(as_json(data)),
        details=((name, markup(text)) for name, text in details),
    )


def as_json(value: Any) -> str:
    """ASCII that ends no element of HTML and begins none, whatever text is in it."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).translate(_ESCAPES)


@cache
def _charts() -> tuple[str, str]:
    """The library of charts: compressed, in base64, and the hash by which it may run."""
    text = _library("plotly.offline").get_plotlyjs()
    packed = gzip.compress(text.encode(), 9, mtime=0)
    return base64.b64encode(packed).decode(), _mark(text)


def _mark(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _policy(*marks: str) -> str:
    """Two scripts by their hashes, styles, no picture but those made here, nothing else."""
    allowed = " ".join(f"'sha256-{mark}'" for mark in marks)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        package = name.partition(".")[0]
        raise MissingExtraError(package, "report") from None


def _part(name: str) -> str:
    return (files("mmscodec.report") / "page" / name).read_text(encoding="utf-8")


def _data(
    capture: Any, names: list[str], wanted: Iterable[int] | None, style: Style
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """What the first view shows, and each session as JSON."""
    problems = Problems(capture)  # before the sessions, which count them
    count = len(capture.sessions)
    numbers = list(range(count)) if wanted is None else list(wanted)
    fields, others = mms_fields(capture, style), winmx_fields(capture, style)
    peers = Winmx(capture, others, problems)
    limits = limits_for(max(len(numbers), len(peers.pairs)))
    chosen = [capture.session(number) for number in numbers[: limits.sessions]]
    data = {
        "title": _title(names), "secrets": style.secrets,
        "overview": overview(capture, names, others.counts(), limits),
        "players": players(chosen, limits),
        "sessions": session_table(capture, chosen, limits),
        "session_count": count, "asked": len(numbers),
        "names": fields.names, "winmx_names": others.names,
        "mids": {str(mid): item.name for mid, item in BY_MID.items()},
        "problems": problems.kinds,
        "faults": fault_rows(capture, capture.faults, limits),
        "gaps": [
            [int(row["flow"]), int(row["offset"]), int(row["length"]), gap_words(row)]
            for row in capture.gaps[: limits.listed]
        ],
        "winmx": peers.first_view(limits),
        "limits": {name: getattr(limits, name) for name in ("rows", "points", "text", "listed")},
    }  # fmt: skip
    made = Details(
        capture, Ladder(fields, np.asarray(capture.messages), problems), problems, limits,
        style.charset,
    )  # fmt: skip
    parts = chain(
        ((f"s{one.index}", lambda one=one: made.of(one)) for one in chosen[: limits.details]),
        (
            (f"w{number}", lambda pair=pair: peers.of(pair, limits))
            for number, pair in enumerate(peers.pairs[: limits.details])
        ),
    )
    details = list(_details(parts, limits.bytes - len(as_json(data))))
    data["opened"] = sum(name[0] == "s" for name, _ in details)
    return data, details


def _details(parts: Iterable[tuple[str, Any]], left: int) -> Iterator[tuple[str, str]]:
    """What can be opened, as JSON, as long as there is room."""
    for name, make in parts:
        text = as_json(make())
        left -= len(text)
        if left < 0:
            return
        yield name, text


def _title(names: list[str]) -> str:
    first = names[0].replace("\\", "/").rstrip("/").rpartition("/")[2] if names else ""
    first = short(safe(first), 120)
    return (first or "capture") + (f" and {len(names) - 1} more" if len(names) > 1 else "")
