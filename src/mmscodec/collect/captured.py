"""Pieces of a capture: decoded as its bytes come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from mmscodec._facade import open as open_capture
from mmscodec.capture.arrow_stream import STREAMED, Feed
from mmscodec.capture.follow import REMEMBERED
from mmscodec.collect.config import Settings
from mmscodec.collect.counts import Counts
from mmscodec.collect.inputs import Input
from mmscodec.collect.pieces import Maker, Piece
from mmscodec.collect.state import State
from mmscodec.errors import near
from mmscodec.schema.faults import fault_name

#: A batch ends where the input has to be waited for, never by its rows: what was given by then is
#: what its rows are of.
_ROWS = 1 << 22


def names(settings: Settings, known: tuple[str, ...] = STREAMED) -> tuple[str, ...]:
    """Tables that are wanted; ValueError for one that there is not."""
    for name in settings.tables:
        if name not in known:
            raise ValueError(f"tables: {name!r} cannot be had here{near(name, known)}")
    return tuple(settings.tables) or known


def captured(
    settings: Settings, source: Input, state: State, counts: Counts,
    seen: Callable[[Any, Any], Any],
) -> Iterator[Piece]:  # fmt: skip
    """Decode to the end; of an input that is left in the middle, up to what is complete."""
    record = [0]
    earlier = counts.records, counts.evicted  # of the connections before this one

    def step(more: int) -> None:
        record[0] += more

    source.cut = state.position
    capture = open_capture(
        source, spool=False, ports=settings.port or None, filter=settings.filter or None,
        ignore_vlan=settings.ignore_vlan, max_flows=settings.max_flows,
        max_held=settings.max_held, progress=step,
    )  # fmt: skip
    with capture:
        feed = Feed(names(settings), secrets=settings.show_secrets)
        maker = Maker(settings.charset, state.rows, state.position)
        before = 0
        for batch in capture.iter_batches(_ROWS):
            if source.stopped and source.resumes:
                return  # what came since the piece before is read again
            seen(batch, capture)
            _count(counts, capture, batch, earlier)
            counts.bytes += source.position - before
            before = source.position
            piece = maker.piece(feed.take(batch), source.position, record[0], source.files)
            counts.newest = max(counts.newest, piece.time)
            if piece.tables:
                yield piece
        yield maker.piece(feed.finish(), source.position, record[0], source.files)


def _count(counts: Counts, capture: Any, batch: Any, earlier: tuple[int, int]) -> None:
    now = capture.counts
    counts.records = earlier[0] + now["records"]
    counts.evicted = earlier[1] + now["evicted"]
    counts.streams = now["connections"]
    count_faults(counts, batch.faults)


def count_faults(counts: Counts, faults: Any) -> None:
    """Faults by name."""
    if len(faults):
        codes, many = np.unique(faults["code"], return_counts=True)
        for code, number in zip(codes.tolist(), many.tolist()):
            counts.faults[fault_name(code)] += number


def forgotten(piece: Piece) -> bool:
    """Whether its input had more files than are kept in mind."""
    return len(piece.files) >= REMEMBERED
