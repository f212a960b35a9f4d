"""Which things are asked for: by place in a flow, by frame, by place in the file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmscodec.explain.model import Explanation
from mmscodec.explain.things import Things
from mmscodec.lines.fields import Style


def explain(
    capture: Any,
    *,
    flow: int | None = None,
    at: int | None = None,
    frame: int | None = None,
    style: Style | None = None,
) -> Iterator[Explanation]:
    """What stands at a place.

    Parameters
    ----------
    capture : Capture
        Of files: a stream is read once and cannot be looked at again, unless opened with
        ``spool=True``.
    flow : int, optional
        Number of a flow, as in `cap.flows`: its things in order, or the one at `at`.
    at : int, optional
        Offset in `flow`, as in all tables; without `flow` a position in the file, after
        decompression (`cap.file_of`).
    frame : int, optional
        Number of a frame, from 1 on as in Wireshark: all things that have bytes in it.
    style : Style, optional
        Names of values, secrets, charset.

    Yields
    ------
    Explanation
        In the order of the streams. Where nothing was understood, what is there and why not.

    Raises
    ------
    ValueError
        None of the three was given, or a frame together with a place.
    IndexError
        There is no such flow, frame or byte.
    """
    if frame is not None and (at is not None or flow is not None):
        raise ValueError("a frame has a place of its own: give it alone")
    if frame is None and at is None and flow is None:
        raise ValueError("give a place: flow, at or frame")
    things = Things(capture, style or Style())
    if flow is not None:
        yield from things.of_flow(flow, at)
        return
    frames = capture._frames
    number = frames.holding(at) if at is not None else frames.number(frame or 0)
    if number is None:
        yield from things.of_file(at or 0)
        return
    yield from things.of_frame(frames, number, at)
