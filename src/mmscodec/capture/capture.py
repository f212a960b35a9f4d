"""A capture as tables: the pass over its files."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from mmscodec.capture import mended
from mmscodec.capture._engine import Engine
from mmscodec.capture._handoff import run_handoff
from mmscodec.capture._merge import Merge
from mmscodec.capture.discovery import streams_that_are_none
from mmscodec.capture.dtypes import address_bytes
from mmscodec.capture.mapped import WINDOW
from mmscodec.capture.not_understood import NotUnderstood, table
from mmscodec.capture.progress import Steps, whole_size
from mmscodec.capture.source import Sources
from mmscodec.capture.tables import CaptureTables
from mmscodec.errors import CaptureError

if TYPE_CHECKING:
    from mmscodec.tables.stream import TableStream

_BATCH_ROWS = 1 << 16


class Capture(CaptureTables):
    """Packets of one or several files as tables; `mmscodec.open` makes it, with sessions.

    The pass over the files runs when a table is first asked for, once. As a context manager it
    closes the files at the end; views of payload then stay good as long as they live.

    Threads may share it: one makes the pass, and the others wait for it.
    """

    def __init__(
        self,
        sources: Sources,
        options: dict[str, Any],
        threads: int = 1,
        progress: Callable[[int], Any] | None = None,
    ) -> None:
        self._sources: Any = sources
        self._options = options
        self._threads = threads
        self._progress = progress
        self._closer = weakref.finalize(self, sources.close)
        self._flow_extents: dict[int, Any] = {}
        self._lock = threading.RLock()  # of the three below
        self._engine: Engine | None = None  # of the pass made last
        self._whole: dict[str, Any] | None = None  # what the pass over everything gave
        self._passing = False

    def _begin(self, whole: bool = False) -> Engine:
        """A pass begins, with the lock held; over everything at once?"""
        if self._passing:
            raise RuntimeError("the capture is being read, and this was asked for by its progress")
        if self._sources.closed:
            raise CaptureError("this capture is closed")
        if self._engine is not None and self._whole is None:
            raise CaptureError(
                "this capture was read in batches, or is being read so, and is read once: "
                "open it again for its tables or for other batches"
            )
        engine = Engine(**self._options, note_mended=whole)
        if self._progress is not None:
            engine.progress = Steps(self._sources, self._progress).at
        return engine

    @property
    def _blocks(self) -> dict[str, Any]:  # type: ignore[override]
        with self._lock:
            if self._whole is None:
                engine = self._begin(whole=True)
                self._passing = True
                try:
                    self._engine, self._whole = self._pass_all(engine)
                finally:
                    self._passing = False
            return self._whole

    def _pass_all(self, engine: Engine) -> tuple[Engine, dict[str, Any]]:
        """The pass, and where rows were made of bytes that a later copy put right, another one."""
        blocks = self._pass(engine)
        again = mended.to_decode_again(blocks)
        if again is None or not all(source.addressable for source in self._sources.sources):
            return engine, blocks
        del blocks
        engine = Engine(**self._options, mended=again)
        return engine, self._pass(engine)

    def _pass(self, engine: Engine) -> dict[str, Any]:
        merge = Merge(self._sources)
        if self._threads > 1:
            run_handoff(engine, merge)
        else:
            engine.run(merge)
        engine.finish()
        return engine.drain()

    def _span(self, flow: int) -> tuple[int, int]:
        return 0, int(self._raw_flows["length"][self._row(flow)])

    @property
    def counts(self) -> dict[str, int]:
        """What the pass counted.

        records read, segments (TCP and UDP) in them, other records, evicted (connections given
        up), damaged (copies of segments that differ from the first and have a wrong checksum),
        uncompared (bytes that came again, with nothing left to compare them with: the last 64
        segments of a flow are kept for that, of all flows up to an eighth of `max_held` while the
        capture is read in batches), connections (open at the end).
        """
        with self._lock:
            if self._engine is None:
                self._blocks  # noqa: B018
            assert self._engine is not None
            return self._engine.counts

    @property
    def not_understood(self) -> NotUnderstood:
        """What the capture holds that nothing was made of, counted by reason.

        One row a reason, with `text()`: reason ("link type", "wrong link type", "Ethernet type",
        "IP protocol", "other": frames without a TCP segment or UDP datagram; "unanswered",
        "refused", "silent", "not MMS": connections to port 1755 in which there is no MMS; "HTTP",
        "RTSP": Windows Media served by another protocol), number (the link type, Ethernet type or
        IP protocol), frames, connections, time (ns since 1970, of the first), src, src_port, dst,
        dst_port (of the first connection). Frames that are damaged are rows of `faults` instead.

        While the capture is read in batches: of the frames and of the connections that have ended
        so far.
        """
        with self._lock:
            if self._engine is None:
                self._blocks  # noqa: B018
            assert self._engine is not None
            return table(*self._engine.not_understood)

    def iter_batches(self, rows: int = _BATCH_ROWS) -> Iterator[CaptureTables]:
        """Tables of about `rows` rows each, while the capture is read; memory stays bounded.

        From a pipe or socket, what is there comes before the next bytes are waited for. Numbers of
        flows go on from batch to batch. `flows` of a batch has those that something happened to
        since the batch before (bytes, gaps, faults, the end), so its rows are found by its column
        `flow`, see `flow_rows`; a flow that has ended is not kept. A connection ends when its ports
        are used again, or when there are more than `max_flows` and it was silent for longest.

        A capture is read once: from the first batch on its own tables and further iterators raise
        CaptureError. After its tables were read, batches are read anew from what is not a stream.
        """
        with self._lock:
            engine = self._begin()
            if self._whole is None:
                self._engine = engine
        yield from self._batches(engine, rows)

    def _batches(self, engine: Engine, rows: int) -> Iterator[CaptureTables]:
        for source in self._sources.sources:
            source.keep = WINDOW
        merge = Merge(self._sources)
        winmx = None
        going_on = True
        while going_on:
            going_on = not engine.run(merge, rows, live=True)
            if not going_on:
                engine.finish()
            tables = CaptureTables(engine.drain(retire=True), self._sources, self)
            tables._live = True
            if winmx is not None or tables._has_winmx:
                from mmscodec.capture.live_winmx import LiveWinmx  # as much as all the rest

                winmx = winmx or LiveWinmx()
                tables.winmx = winmx.take(tables)
            yield tables

    def _apart(self, rows: int) -> Iterator[CaptureTables]:
        # the batches of a pass of its own, which files allow: the capture is as it was
        return self._batches(Engine(**self._options), rows)

    @property
    def _unread_files(self) -> bool:
        # nothing was read yet, and what is read can be read again
        return self._engine is None and all(s.addressable and s.stable for s in self._sources)

    def __iter__(self) -> Iterator[CaptureTables]:
        return self.iter_batches()

    def stream_table(
        self, name: str, *, rows: int = _BATCH_ROWS, payload: bool = False, secrets: bool = False
    ) -> TableStream:
        """A table that is read in batches of about `rows` rows, for captures larger than memory.

        What `iter_batches` gives, as one stream of Arrow record batches: pyarrow, Polars and DuckDB
        take it as they take `table(name)`, once. Numbers of rows and flows are those of the whole;
        `flows` stand in the order in which they ended.

        Raises
        ------
        ValueError
            findings, sessions, exchanges and transitions need the whole capture.
        """
        from mmscodec.capture.arrow_stream import stream_table

        return stream_table(self, name, rows, payload, secrets)

    def write_pcap(self, path: Any, flows: Any = None, *, format: str | None = None) -> int:
        """Write the frames of flows, of both directions, to a capture file.

        Parameters
        ----------
        path : path or binary file object
            A path is replaced when the file is complete.
        flows : int, array of int or bool, optional
            Rows of `flows`; default: all.
        format : {"pcap", "pcapng"}, optional
            Default: pcap, or pcapng where link types are mixed.

        Returns
        -------
        int
            Number of frames written: those with the flows' addresses and ports in their time, and
            the fragments of such packets. The capture is walked a second time.
        """
        raw = self._raw_flows
        chosen = np.arange(len(raw)) if flows is None else np.atleast_1d(np.asarray(flows))
        if chosen.dtype != bool:
            chosen = chosen.astype(np.int64)
        chosen = np.arange(len(raw))[chosen]
        peers = raw["peer"][chosen]
        both = np.union1d(chosen, peers[peers >= 0])
        from mmscodec.capture.export import flow_keys, write_flows

        return write_flows(
            path, self._sources, flow_keys(raw[both]), format=format,
            ignore_vlan=self._options["ignore_vlan"],
        )  # fmt: skip

    @property
    def size(self) -> int | None:
        """Bytes of all files; None where one is compressed or a stream, which ends when it ends."""
        return whole_size(self._sources)

    @property
    def skipped(self) -> list[tuple[str, str]]:
        """Files of directories and patterns that are no captures: (path, why).

        Once they were read also pipes and other streams that are none, and pcap files in them that
        a transfer in text mode damaged.
        """
        return [*self._sources.skipped, *streams_that_are_none(self._sources.sources)]

    def close(self) -> None:
        """Close the files; tables that were read stay, and a first pass raises CaptureError.

        Payload of buffers and of files on disk can still be read; that of streams and of spooled
        sources is gone, and asking for it raises CaptureError.
        """
        self._closer()

    def __reduce__(self):
        raise TypeError("a capture cannot be pickled: it holds open files")

    def __enter__(self) -> Capture:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def connection(selector: Any) -> tuple[bytes, int, bytes, int]:
    """(address, port, address, port) of a tuple of those or of a row of a flows table."""
    try:
        a, a_port, b, b_port = (selector[k] for k in ("src", "src_port", "dst", "dst_port"))
    except (TypeError, IndexError, KeyError):
        a, a_port, b, b_port = selector
    return address_bytes(str(a)), int(a_port), address_bytes(str(b)), int(b_port)
