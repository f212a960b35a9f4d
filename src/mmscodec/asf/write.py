"""Header and packets into a file."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmscodec.asf._write import PacketWriter
from mmscodec.asf.complete import completed, whole_header
from mmscodec.asf.header import AsfHeader
from mmscodec.asf.packets import write_all, write_packets
from mmscodec.asf.plan import Plan
from mmscodec.target import file_target


@dataclass(slots=True)
class AsfFile:
    """What was written, and what it lacks.

    Attributes
    ----------
    path : Path or None
        None if nothing was written; `problems` says why.
    entry, segment : int
        Which entry of the session; which segment of it, -1 = all in one file.
    packets, packet_size, size : int
        ASF data packets and bytes in the file.
    header : AsfHeader or None
        Streams, names, codecs, durations, as the server sent them.
    missing : list of (int, int)
        First LocationId and number of packets of each hole.
    skipped : int
        Packets in those holes that no start of playback came by: a seek went past them. Only
        captured starts tell.
    filled : int
        Fillers written for missing packets.
    behind : int
        Packets of an on-demand file behind the last one that is here: not asked for, or lost.
    duplicates, conflicts, too_long, empty : int
        Data packets left out: another one has the same LocationId, and the same bytes, or others;
        they are longer than packets may be; they carry nothing.
    padded, unmended, torn : int
        Short packets filled up; those of them whose padding length could not be raised; packets of
        which bytes are missing.
    changed : list of str
        Numbers of the header that were completed.
    complete : bool
        Every packet of an on-demand file is there, whole.
    """

    path: Path | None = None
    entry: int = 0
    segment: int = -1
    packets: int = 0
    packet_size: int = 0
    size: int = 0
    header: AsfHeader | None = None
    missing: list[tuple[int, int]] = field(default_factory=list)
    skipped: int = 0
    filled: int = 0
    behind: int = 0
    duplicates: int = 0
    conflicts: int = 0
    too_long: int = 0
    empty: int = 0
    padded: int = 0
    unmended: int = 0
    torn: int = 0
    changed: list[str] = field(default_factory=list)
    complete: bool = False
    problems: list[str] = field(default_factory=list)

    @property
    def missing_packets(self) -> int:
        """Packets in all holes together."""
        return sum(count for _, count in self.missing)

    def as_dict(self) -> dict[str, Any]:
        """Plain Python objects, for JSON."""
        out = {name: getattr(self, name) for name in self.__slots__}
        out["path"] = str(self.path) if self.path else None
        out["header"] = self.header.as_dict() if self.header else None
        out["missing_packets"] = self.missing_packets
        return out


def write_file(
    path: Any,
    header: bytes,
    described: AsfHeader,
    plan: Plan,
    writer: PacketWriter,
    *,
    progress: Callable[[int], Any] | None = None,
) -> AsfFile:
    """Write one ASF file; it appears under its name when it is whole.

    Parameters
    ----------
    path : path-like
    header, described
        The header as it came, and `describe` of it.
    plan, writer
        The packets, and who makes them.
    progress : callable, optional
        Called with the number of bytes written since the last call.

    Raises
    ------
    OSError
        With the name of the file, which is not there then.
    """
    target, place = Path(os.fspath(path)), file_target(path)
    part = place.with_name(place.name + ".part")
    head = whole_header(header, described)
    out = AsfFile(target, packet_size=writer.packet_size, header=described)
    try:
        with open(part, "wb", buffering=0) as file:
            write_all(file, head)
            done = write_packets(file, plan.rows, writer, progress)
            head, out.changed = completed(
                head, described, packets=done, packet_size=writer.packet_size,
                first_send=writer.first_send, last_end=writer.last_end,
            )  # fmt: skip
            file.seek(0)
            write_all(file, head)
        os.replace(part, place)
    except BaseException as error:
        with suppress(OSError):
            part.unlink()
        if isinstance(error, OSError) and error.filename is None and error.errno is not None:
            raise OSError(error.errno, error.strerror, str(target)) from error
        raise
    _, mended, widened, implied, out.unmended, out.filled, out.torn = writer.counts
    out.packets = done
    out.size = len(head) + done * writer.packet_size
    out.padded = mended + widened + implied + out.unmended
    out.missing = [(int(first), int(count)) for first, count in plan.missing.tolist()]
    out.duplicates, out.too_long, out.empty = len(plan.copies), plan.too_long, plan.empty
    if len(plan.locations) and not described.broadcast and not plan.in_order_of_arrival:
        out.behind = max(described.packet_count - int(plan.locations[-1]) - 1, 0)
    real = done - out.filled
    odd = described.broadcast or out.torn or out.too_long or plan.in_order_of_arrival or not real
    out.complete = not odd and (
        real == described.packet_count or (not described.packet_count and not out.missing)
    )
    return out
