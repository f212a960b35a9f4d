"""`mmscodec.open`: captures as tables."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

import numpy as np

from mmscodec.capture._engine import Engine
from mmscodec.capture._merge import Merge
from mmscodec.capture._relay import run_relay
from mmscodec.capture.above import SessionViews
from mmscodec.capture.dtypes import address_bytes
from mmscodec.capture.export import flow_keys, write_flows
from mmscodec.capture.filter import Filter
from mmscodec.capture.live_winmx import LiveWinmx
from mmscodec.capture.source import Sources, open_sources
from mmscodec.capture.tables import CaptureTables

KNOWN = ("mms", "winmx")
BATCH_ROWS = 1 << 16


class Capture(CaptureTables, SessionViews):
    """Packets of one or several files as tables; made by `open`.

    The pass over the files runs when a table is first asked for, once. As a context manager it
    closes the files at the end; views of payload then stay good as long as they live.
    """

    def __init__(self, sources: Sources, options: dict[str, Any], threads: int = 1) -> None:
        self._sources: Any = sources
        self._options = options
        self._threads = threads
        self._closer = weakref.finalize(self, sources.close)
        self._flow_extents: dict[int, Any] = {}
        self._batched = False  # the one walk there is goes to `iter_batches`

    @cached_property
    def _engine(self) -> Engine:
        return Engine(**self._options)

    @cached_property
    def _blocks(self) -> dict[str, Any]:  # type: ignore[override]
        engine = self._engine
        merge = Merge(self._sources)
        if self._threads > 1:
            run_relay(engine, merge)
        else:
            engine.run(merge)
        engine.finish()
        return engine.drain()

    def _span(self, flow: int) -> tuple[int, int]:
        return 0, int(self._raw_flows["length"][flow])

    @property
    def counts(self) -> dict[str, int]:
        """records read, segments (TCP and UDP) in them, other ones, connections given up."""
        if not self._batched:
            self._blocks  # noqa: B018
        return self._engine.counts

    def iter_batches(self, rows: int = BATCH_ROWS) -> Iterator[CaptureTables]:
        """Tables of about `rows` rows each, while the capture is read; memory stays bounded.

        From a pipe or socket, what is there comes before the next bytes are waited for. Numbers of
        flows go on from batch to batch. `flows` of a batch has those that something happened to
        since the batch before (bytes, gaps, faults, the end), so its rows are found by its column
        `flow`, see `flow_rows`; a flow that has ended is not kept. A connection ends when its ports
        are used again, or when there are more than `max_flows` and it was silent for longest.

        A capture is read once: after this its own tables are not there.
        """
        engine = self._engine
        self._batched = True
        merge = Merge(self._sources)
        winmx = LiveWinmx()
        going_on = True
        while going_on:
            going_on = not engine.run(merge, rows, live=True)
            if not going_on:
                engine.finish()
            tables = CaptureTables(engine.drain(retire=True), self._sources, self)
            tables.winmx = winmx.take(tables)
            yield tables

    def __iter__(self) -> Iterator[CaptureTables]:
        return self.iter_batches()

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
        return write_flows(
            path, self._sources, flow_keys(raw[both]), format=format,
            ignore_vlan=self._options["ignore_vlan"],
        )  # fmt: skip

    @property
    def skipped(self) -> list[tuple[str, str]]:
        """Files of directories and patterns that are no captures: (path, why)."""
        return list(self._sources.skipped)

    def close(self) -> None:
        """Close the files; tables that were read stay."""
        self._closer()

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


def open(
    path: Any,
    *,
    protocols: Iterable[str] | None = KNOWN,
    ports: Iterable[int] | None = None,
    flows: Iterable[Any] | None = None,
    filter: str | None = None,
    max_flows: int = 1 << 18,
    max_held: int = 256 << 20,
    max_held_flow: int = 1 << 20,
    max_pending: int = 10_000,
    max_packet: int = 1 << 20,
    ignore_vlan: bool = False,
    spool: bool = True,
    mapped: bool = True,
    threads: int = 1,
) -> Capture:
    """Open a capture, or several files that are one.

    Parameters
    ----------
    path : path, str, buffer, file object, socket, or iterable of these
        pcap or pcapng files, also compressed; directories, patterns, "-" for standard input,
        addresses for fsspec. Several are one capture in order of time: as in mergecap, the earliest
        of their next records comes first, and each file keeps its own order. Pipes, sockets and
        file objects that cannot be looked at beforehand follow each other as given.
    protocols : iterable of {"mms", "winmx"}, or None
        What is looked for; a protocol is known by its bytes on any port. None keeps every TCP and
        UDP flow.
    ports : iterable of int, optional
        Only segments from or to one of these ports.
    flows : iterable, optional
        Only these connections, both directions: (address, port, address, port), or rows of the
        flows table of another capture.
    filter : str, optional
        Only frames that this libpcap expression matches; the system's libpcap compiles it. As in
        tcpdump, "port 1755" does not match the later fragments of a datagram.
    max_flows : int
        Connections kept in mind; the longest silent are given up first, with a fault.
    max_held, max_held_flow, max_pending : int
        Bytes that wait behind holes, in all and in one flow, and pieces in one flow. Beyond it the
        oldest hole becomes a gap.
    max_packet : int
        Ceiling on the bytes of one TcpMessageHeader packet.
    ignore_vlan : bool
        Take equal addresses in different VLANs for one flow, as in a capture where only one
        direction is tagged. Otherwise they are different flows.
    spool : bool
        Keep what cannot be mapped (compressed files, pipes) in a temporary file without a name, so
        that payload can be had. Without it such input is only walked once.
    mapped : bool
        False reads uncompressed files as if they were pipes, into the spool if there is one. For
        files that another program may cut while they are read (`copytruncate` of a log rotation, a
        file system that goes away): access to a mapped byte that is gone ends the process with
        SIGBUS, in whatever program maps files, and a library cannot mend that: a signal handler
        belongs to the process, not to one of its parts. A file that only grows is safe; it is read
        up to the size that it had when it was opened. Views of payload are views of the mapping,
        so this holds for as long as they are used.
    threads : int
        2 or more: a second thread helps, as long as all files read side by side are uncompressed
        ones. Through a file of large frames it walks ahead and has memory fetched; of small ones it
        reads the frames while the first follows the connections. The rows are the same. Compressed
        files are always read in threads of their own, eight at most.

    Returns
    -------
    Capture
    """
    wanted = None if protocols is None else set(protocols)
    if wanted is not None and not wanted <= set(KNOWN):
        raise ValueError(f"protocols are {KNOWN}, not {sorted(wanted - set(KNOWN))}")
    options = {
        "mms": wanted is None or "mms" in wanted,
        "winmx": wanted is None or "winmx" in wanted,
        "keep_all": wanted is None,
        "ports": None if ports is None else list(ports),
        "chosen": [] if flows is None else [connection(item) for item in flows],
        "max_flows": max_flows,
        "max_held": max_held,
        "max_held_flow": max_held_flow,
        "max_pending": max_pending,
        "max_packet": max_packet,
        "ignore_vlan": ignore_vlan,
        "filter": None if filter is None else Filter(filter),
    }
    return Capture(open_sources(path, spool=spool, mapped=mapped), options, threads)
