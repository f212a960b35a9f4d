"""Tables of a capture that is read in batches, with the numbers of rows that a whole pass gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from mmscodec.capture.arrow import NAMES, CaptureArrow
from mmscodec.capture.chosen import Choose, Chosen, target
from mmscodec.capture.open_flows import FlowRows, OpenFlows
from mmscodec.schema.mms import BY_NAME, full_name
from mmscodec.schema.vocabulary import Protocol
from mmscodec.tables.column import Column
from mmscodec.tables.data import Data
from mmscodec.tables.stream import TableStream
from mmscodec.tables.table import Table
from mmscodec.winmx import arrow as winmx

#: What needs all rows of a capture at once.
WHOLE = ("findings", "sessions", "exchanges", "transitions")
#: Names of tables that can be read in batches.
STREAMED = tuple(name for name in NAMES if name not in WHOLE)


class Feed:
    """Makes tables of one batch after the other.

    Rows that refer to others count through all batches, as in tables of the whole. A flow is a row
    of `flows` once, when it has ended or the capture has; flows stand in the order of their end.
    With `choose` only rows that it wants are there, and count.
    """

    def __init__(
        self,
        names: Iterable[str],
        payload: bool = False,
        secrets: bool = False,
        choose: Choose | None = None,
    ) -> None:
        self.names = tuple(names)
        for name in self.names:
            if name in WHOLE:
                raise ValueError(f"{name} needs the whole capture: use table()")
        self.payload, self.secrets, self.choose = payload, secrets, choose
        self.before: Counter[str] = Counter()  # rows of the batches before this one
        self.open = OpenFlows()

    def empty(self, tables: Any, name: str) -> Table:
        """The table without rows, which says what its columns are."""
        return CaptureArrow(tables).table(name, self.payload, self.secrets)

    def take(self, tables: Any) -> dict[str, Table]:
        """The tables of a batch; without those that have no rows."""
        out = {}
        ended = self.open.take(tables) if "flows" in self.names else ()
        maker = CaptureArrow(tables)
        chosen = None if self.choose is None else Chosen(maker.table, self.choose, self.before)
        absent = _absent(tables)
        for name in self.names:
            if name in absent:
                continue
            if name == "flows":
                made = self._flows(ended)
            else:
                made = maker.table(name, self.payload, self.secrets)
                made = counted_on(made, self.before) if chosen is None else chosen.narrowed(made)
            if len(made):
                out[name] = made
        self._count(tables, chosen)
        return out

    def _count(self, tables: Any, chosen: Chosen | None) -> None:
        # rows that those of later batches come behind
        for name in ("packets", "messages"):
            rows = len(getattr(tables, name)) if chosen is None else chosen.kept(name).sum()
            self.before[name] += int(rows)
        if any(tables._raw_flows["protocol"] == Protocol.WINMX):
            name = "winmx_packets"
            rows = len(tables.winmx.packets) if chosen is None else chosen.kept(name).sum()
            self.before[name] += int(rows)

    def finish(self) -> dict[str, Table]:
        """What is left when the last batch was taken: flows that have not ended."""
        rest = self.open.rest()
        made = self._flows(rest) if len(rest) else ()
        return {"flows": made} if isinstance(made, Table) and len(made) else {}

    def _flows(self, rows: Any) -> Table:
        made = CaptureArrow(FlowRows(rows)).flows()
        return made if self.choose is None else made.where(self.choose(made))


def counted_on(made: Table, before: Mapping[str, int]) -> Table:
    """A table whose rows of other tables count on from batch to batch."""
    return made.with_columns(_counted(made.name, column, before) for column in made.columns)


def _counted(table: str, column: Column, counted: Mapping[str, int]) -> Column:
    of = target(table, column)
    before = counted.get(of, 0) if of else 0
    if not before:
        return column

    def fetch(start: int, stop: int) -> Data:
        length, nulls, (bits, values), children, words = column.fetch(start, stop)
        return length, nulls, (bits, values + before), children, words

    return Column(column.name, column.type, fetch, column.about)


def _absent(tables: Any) -> set[str]:
    # kinds that a batch has no message of: making empty tables of all takes longer than its rows
    kinds = set(np.unique(tables.messages["mid"]).tolist())
    out = {name for name, message in BY_NAME.items() if message.mid not in kinds}
    if not any(tables._raw_flows["protocol"] == Protocol.WINMX):
        out |= {"nodes", "winmx_packets", *winmx.KINDS}
    return out


def stream_table(capture: Any, name: str, rows: int, payload: bool, secrets: bool) -> TableStream:
    """See `mmscodec.Capture.stream_table`."""
    name = name if name in NAMES else full_name(name)
    feed = Feed((name,), payload, secrets)

    def tables() -> Iterator[Table]:
        for batch in capture.iter_batches(rows):
            yield from feed.take(batch).values()
        yield from feed.finish().values()

    return TableStream(feed.empty(capture, name), tables)
