"""`mmscodec.open` and what it gives: a capture with what the layers above make of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from mmscodec.capture import Capture as CapturePass
from mmscodec.capture import connection, open_sources
from mmscodec.schema.mms import MAX_PACKET
from mmscodec.sessions.views import SessionViews

if TYPE_CHECKING:
    import os
    import socket
    from typing import Protocol

    from typing_extensions import Buffer

    from mmscodec.capture.frames import Frames
    from mmscodec.tables import Table

    class Readable(Protocol):
        """A binary file, or what can be read like one."""

        def read(self, size: int, /) -> bytes: ...

    #: One capture file, a folder, pattern or address of some, or its bytes.
    Input: TypeAlias = str | os.PathLike[str] | Buffer | Readable | socket.socket

KNOWN: tuple[Literal["mms", "winmx"], ...] = ("mms", "winmx")


class Capture(CapturePass, SessionViews):
    """Tables of one or several capture files, and the MMS sessions in them; made by `open`.

    The pass over the files runs when a table is first asked for, once. As a context manager it
    closes the files at the end; views of payload then stay good as long as they live.
    """

    def table(
        self, name: str, *, payload: bool = False, secrets: bool = False, frames: bool = False
    ) -> Table:
        """A table as Arrow columns, for pyarrow, Polars, pandas, DuckDB and others.

        Parameters
        ----------
        name : str
            One of `tables`: flows, packets, messages, data, faults, findings, gaps, nodes,
            sessions, exchanges, transitions, winmx_packets, the name of a message of [MS-MMSP] or
            of a WinMX packet.
        payload : bool
            `data` gets a column with the payload of each Data packet: a copy, or for consumers
            that ask for binary views, views into the mapped capture.
        secrets : bool
            Tokens as they were sent; otherwise an asterisk for each byte.
        frames : bool
            A column `frame` in front, worked out when it is read: the number of the frame that
            completed the row, from 1 on as Wireshark's `frame.number` (of several files: in their
            order by time). Null where frames of one time cannot be told apart. The records of the
            files are walked once more for it.

        Returns
        -------
        Table
            Times are timestamps (ns, UTC), durations durations; what is not there is null.
            `NAME_name` beside a number is what it means. client and server are addresses; rows
            of other tables and numbers of flows are integers. Fields of messages have the
            specification's names; their unit and section are in the metadata.

        Raises
        ------
        KeyError
            No such table.
        ValueError
            `frames` of flows, sessions, exchanges or transitions: no one frame completed a row.
        """
        if name in SESSION_TABLES:
            from mmscodec.sessions.arrow import session_table

            made = session_table(self, name)
        else:
            made = super().table(name, payload=payload, secrets=secrets)
        if not frames:
            return made
        from mmscodec.capture.frames import with_frames

        return with_frames(lambda: self._frames, made)

    @cached_property
    def _frames(self) -> Frames:
        # the records of the capture, when they are first asked for
        from mmscodec.capture.frames import Frames

        return Frames(self)

    def write_parquet(
        self,
        directory: str | os.PathLike[str],
        tables: Iterable[str] | None = None,
        *,
        partition: str | None = None,
        payload: bool = False,
        secrets: bool = False,
        overwrite: bool = False,
    ) -> dict[str, int]:
        """Write tables as Parquet files, `NAME.parquet` in a folder; needs pyarrow.

        Named tables of files that were not read yet are written batch by batch: memory does not
        grow with the capture, which stays unread. findings, sessions, exchanges and transitions,
        and so all tables, need the whole; so do streams, which are read once.

        Parameters
        ----------
        directory : path
            Made if needed.
        tables : iterable of str, optional
            Names as `table` takes them; default: all that have rows.
        partition : str, optional
            "date", "hour" or a column: `NAME` is a folder with files by its values (Hive).
        payload, secrets : bool
            As in `table`.
        overwrite : bool
            Replace what is there; otherwise that is a FileExistsError.

        Returns
        -------
        dict
            Rows of each table that was written. All appear when the last is complete, or none.
        """
        from mmscodec.capture.arrow_stream import WHOLE
        from mmscodec.convert import Options, convert

        names = None if tables is None else list(tables)
        options = Options("parquet", names, True, partition, payload, secrets, overwrite)
        apart = names is not None and self._unread_files and not set(names) & set(WHOLE)
        return convert(self, directory, options, batches=self._apart if apart else None)

    @property
    def tables(self) -> dict[str, int | None]:
        """Names that `table` takes, with the number of rows where it is known by now."""
        from mmscodec.capture.arrow import counted_tables

        made = self.__dict__.get("_sessions")
        known = {name: len(getattr(made, name)) for name in SESSION_TABLES[1:]} if made else {}
        known |= {"sessions": len(made)} if made else {}
        return {**counted_tables(self), **{name: known.get(name) for name in SESSION_TABLES}}


SESSION_TABLES = ("sessions", "exchanges", "transitions")


def open(
    path: Input | Iterable[Input],
    *,
    protocols: Iterable[Literal["mms", "winmx"]] | None = KNOWN,
    ports: Iterable[int] | None = None,
    flows: Iterable[Any] | None = None,
    filter: str | None = None,
    max_flows: int = 1 << 18,
    max_held: int = 256 << 20,
    max_held_flow: int = 1 << 20,
    max_pending: int = 10_000,
    max_packet: int = MAX_PACKET,
    ignore_vlan: bool = False,
    spool: bool = True,
    mapped: bool = True,
    threads: int = 1,
    progress: Callable[[int], Any] | None = None,
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
    progress : callable, optional
        Called from time to time during the pass with the number of bytes read since the last call,
        of the files as they are after decompression.

    Returns
    -------
    Capture

    Raises
    ------
    FileNotFoundError, PermissionError
        A path is not there, or may not be read.
    CaptureError
        Nothing that is named is a capture.
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
        "filter": None if filter is None else compiled(filter),
    }
    sources = open_sources(path, spool=spool, mapped=mapped)
    return Capture(sources, options, threads, progress)


def compiled(expression: str) -> Any:
    """A `Filter`; imported only for those who want one, since it brings ctypes."""
    from mmscodec.capture.filter import Filter

    return Filter(expression)
