"""All tables of a capture to a folder, in one pass over it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmscodec.capture.arrow_stream import STREAMED, WHOLE, Feed
from mmscodec.capture.chosen import Choose, Chosen
from mmscodec.convert.dataset import Dataset
from mmscodec.convert.library import as_table, pyarrow
from mmscodec.convert.writers import FORMATS
from mmscodec.errors import near
from mmscodec.schema.mms import full_name

_BATCH_ROWS = 1 << 16


@dataclass(frozen=True)
class Options:
    """What is written, and how.

    Attributes
    ----------
    format : str
        "parquet", "arrow" (IPC file), "csv" or "jsonl".
    tables : sequence of str or None
        Names as `capture.table` takes them. Default: those that have rows.
    whole : bool
        Read the whole capture before the first row is written; its tables are there afterwards.
        False: batch by batch, so that memory does not grow with the capture, which is read then,
        and without findings, sessions, exchanges and transitions, unless they are in `tables`.
    partition : str or None
        "date", "hour" or a column: a folder for each table that has it, with files by its values.
    payload, secrets : bool
        As in `capture.table`.
    overwrite : bool
        Replace what is there.
    charset : str or None
        Encoding of 8-bit text, see `Table.in_charset`.
    choose : callable or None
        Which rows of a table are written, one truth value a row; default: all. Rows that others
        refer to are counted anew.
    """

    format: str = "parquet"
    tables: Sequence[str] | None = None
    whole: bool = True
    partition: str | None = None
    payload: bool = False
    secrets: bool = False
    overwrite: bool = False
    charset: str | None = None
    choose: Choose | None = None


def convert(
    capture: Any,
    directory: str | os.PathLike[str],
    options: Options | None = None,
    seen: Callable[[Any], Any] | None = None,
    batches: Callable[[int], Iterator[Any]] | None = None,
) -> dict[str, int]:
    """Write tables of a capture into a folder, one file or folder each.

    All of them take their names when the last one is complete; if anything goes wrong none does.

    Parameters
    ----------
    capture : Capture
    directory : path
        It is made if needed.
    options : Options, optional
    seen : callable, optional
        Called with each batch of the capture, or with the whole.
    batches : callable, optional
        Gives batches of so many rows, which are written instead of the whole.

    Returns
    -------
    dict
        Rows of each table that was written.

    Raises
    ------
    MissingExtraError
        pyarrow is not installed.
    FileExistsError
        A table is there already.
    KeyError, ValueError
        No such table, format.
    """
    chosen = options or Options()
    pyarrow()
    if chosen.format not in FORMATS:
        raise ValueError(f"no format {chosen.format!r}; there are {', '.join(FORMATS)}")
    names = _names(capture, chosen)
    folder = Path(directory)
    outputs = {name: Dataset(folder, name, chosen.format, chosen.partition) for name in names}
    for output in outputs.values():
        output.begin()
    if not chosen.overwrite:
        for output in outputs.values():
            if output.path.exists():
                raise FileExistsError(17, "exists already", str(output.path))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        for name, table in _pieces(capture, names, chosen, seen or _nothing, batches):
            outputs[name].write(
                as_table(table.in_charset(chosen.charset) if chosen.charset else table)
            )
        written = [name for name in names if chosen.tables is not None or outputs[name].rows]
        for name in written:
            outputs[name].complete(pyarrow().schema(capture.table(name, payload=chosen.payload)))
        for name in written:
            outputs[name].publish()
    except BaseException:
        for output in outputs.values():
            output.discard()
        raise
    return {name: outputs[name].rows for name in written}


def _nothing(tables: Any) -> None:
    pass


def _names(capture: Any, options: Options) -> list[str]:
    if options.tables is None:
        return list(capture.tables) if options.whole else list(STREAMED)
    known = capture.tables
    names = [name if name in known else full_name(name) for name in options.tables]
    for name in names:
        if name not in known:
            raise KeyError(f"no table is called {name!r}{near(name, known)}")
    return list(dict.fromkeys(names))


def _pieces(
    capture: Any,
    names: Iterable[str],
    options: Options,
    seen: Callable[[Any], Any],
    batches: Callable[[int], Iterator[Any]] | None,
) -> Iterator[tuple[str, Any]]:
    # (name, table): of each batch, or of the whole where that is needed or was read already
    read = any(count is not None for count in capture.tables.values())
    if batches is None and (options.whole or read or set(names) & set(WHOLE)):
        seen(capture)
        chosen = None if options.choose is None else Chosen(capture.table, options.choose, {})
        for name in names:
            table = capture.table(name, payload=options.payload, secrets=options.secrets)
            if chosen is not None:
                table = chosen.narrowed(table)
            for start in range(0, len(table), _BATCH_ROWS):
                yield name, table[start : start + _BATCH_ROWS]
        return
    feed = Feed(names, options.payload, options.secrets, options.choose)
    for batch in (batches or capture.iter_batches)(_BATCH_ROWS):
        seen(batch)
        yield from feed.take(batch).items()
    yield from feed.finish().items()
