"""Stage two: the records of a partition, in order, through the engine of `mmscodec.open`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from mmscodec._facade import open as open_capture
from mmscodec.capture._writer import format_records
from mmscodec.capture.arrow_stream import STREAMED, Feed
from mmscodec.capture.export import pcapng_head
from mmscodec.convert import Options, convert
from mmscodec.convert.library import pyarrow
from mmscodec.schema.dtypes import RECORDS

#: In this order `decode_sorted` takes rows: that in which `mmscodec.open` takes records.
SORT_BY = ("order", "file", "record")
_EARLIEST = -9223372037  # seconds since 1970; a time in ns is not below it
_PCAPNG = 2


class _Frames:
    """Record batches as a capture file that is read from front to end."""

    name = "segments"

    def __init__(self, batches: Iterable[Any]) -> None:
        self._pieces = self._written(iter(batches))
        self._rest = memoryview(b"")

    def read(self, size: int) -> bytes:
        """The next bytes, none at the end."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._rest = memoryview(piece)
        given, self._rest = self._rest[:size], self._rest[size:]
        return bytes(given)

    def _written(self, batches: Iterator[Any]) -> Iterator[Any]:
        yield pcapng_head((), 0)
        kinds: dict[tuple[int, int], int] = {}
        last = None
        for batch in batches:
            columns = {name: batch.column(name) for name in batch.schema.names}
            marks = [columns[name].to_numpy() for name in ("file", "record")]
            fresh = np.ones(len(batch), bool)
            fresh[1:] = (np.diff(marks[0]) != 0) | (np.diff(marks[1]) != 0)
            if last is not None and len(batch):
                fresh[0] = last != (marks[0][0], marks[1][0])
            if len(batch):
                last = marks[0][-1], marks[1][-1]
            yield from _formatted(columns, fresh, kinds)


def _formatted(
    columns: dict[str, Any], fresh: np.ndarray, kinds: dict[tuple[int, int], int]
) -> Iterator[Any]:
    """Records of a batch, and interfaces of a kind that there was none of before."""
    frame = columns["frame"]
    times, links = columns["time"].to_numpy(), columns["link"].to_numpy()
    origin = _EARLIEST if len(times) and times.min() < 0 else 0
    numbers = np.zeros(len(times), np.uint32)
    for link in np.unique(links).tolist():
        if (link, origin) not in kinds:
            kinds[link, origin] = len(kinds)
            head = pcapng_head([(link & 0xFFFF, link & 0xFFFF0000)], origin)
            yield head[len(pcapng_head((), 0)) :]
        numbers[links == link] = kinds[link, origin]
    offsets = np.frombuffer(frame.buffers()[1], np.int32)[frame.offset :][: len(frame) + 1]
    rows = np.zeros(len(times), RECORDS)
    rows["time"], rows["position"] = times, offsets[:-1]
    rows["caplen"], rows["wire_len"] = np.diff(offsets), columns["length"].to_numpy()
    rows["linktype"] = links & 0xFFFF
    if fresh.any():
        body = frame.buffers()[2] or b""
        yield format_records(body, 0, rows[fresh], _PCAPNG, numbers[fresh], origin * 10**9)


def _opened(batches: Iterable[Any], *, spool: bool = True, **options: Any) -> Any:
    """The capture that sorted record batches of `SEGMENTS` are."""
    return open_capture(_Frames(batches), spool=spool, **options)


def decode_sorted(
    batches: Iterable[Any],
    table: str = "messages",
    *,
    whole: bool = True,
    payload: bool = False,
    secrets: bool = False,
    **options: Any,
) -> Iterator[Any]:
    """Decode the records of a partition.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
        Of `SEGMENTS`, sorted by `SORT_BY`; all rows of a group are among them. A row that comes
        twice counts once.
    table : str
        As in `Capture.table`.
    whole : bool
        Exactly the rows of `mmscodec.open`, for which the tables of the partition are in memory
        (about a twentieth of its frames) and the frames in a temporary file. False: batch by
        batch, nothing is kept; rows that a later, better copy of a segment would have mended stay
        as they were. findings, sessions, exchanges and transitions need the whole.
    payload, secrets : bool
        As in `Capture.table`.
    **options
        As of `mmscodec.open`: protocols, ignore_vlan and limits.

    Yields
    ------
    pyarrow.RecordBatch
        Of `schema(table)`. Flows and rows that others refer to are numbered within the partition.
        Faults are those of flows; those of files and frames are found when the file is scanned.
    """
    pa = pyarrow()
    with _opened(batches, spool=whole or table not in STREAMED, **options) as capture:
        if whole or table not in STREAMED:
            made: Iterable[Any] = [capture.table(table, payload=payload, secrets=secrets)]
        else:
            made = _streamed(capture, table, payload, secrets)
        for rows in made:
            for batch in pa.RecordBatchReader.from_stream(rows):
                yield _of_flows(batch) if table == "faults" else batch


def _streamed(capture: Any, table: str, payload: bool, secrets: bool) -> Iterator[Any]:
    feed = Feed((table,), payload, secrets)
    for batch in capture.iter_batches():
        yield from feed.take(batch).values()
    yield from feed.finish().values()


def _of_flows(batch: Any) -> Any:
    """Without the faults of files, which are those of a file that nobody captured."""
    return batch.filter(batch.column("flow").is_valid())


def schema(table: str, *, payload: bool = False) -> Any:
    """The Arrow schema of a table, as `decode_sorted` gives it."""
    with _opened([]) as capture:
        return pyarrow().schema(capture.table(table, payload=payload))


def join_partition(
    batches: Iterable[Any],
    directory: str | os.PathLike[str],
    tables: Iterable[str] | None = None,
    **options: Any,
) -> dict[str, int]:
    """Decode the records of a partition into Parquet files, `NAME.parquet` in a folder.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
        As for `decode_sorted`.
    directory : path
        It is made if needed; tables that are there are replaced.
    tables : iterable of str, optional
        Names as `Capture.table` takes them; default: all that have rows.
    **options
        As of `mmscodec.open`.

    Returns
    -------
    dict
        Rows of each table. All files appear when the last is complete, or none.
    """
    names = None if tables is None else list(tables)
    with _opened(batches, **options) as capture:
        chosen = Options(tables=names, overwrite=True, choose=_of_flows_alone)
        return convert(capture, directory, chosen)


def _of_flows_alone(table: Any) -> np.ndarray:
    if table.name == "faults":
        return table.numbers("flow") >= 0
    return np.ones(len(table), bool)
