"""Captures cut into rotated files, and what comes out of them in two ways."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import mmscodec
from mmscodec.capture import open_sources, records
from mmscodec.capture.export import write_records

CAPTURES = Path(__file__).parent.parent / "captures"
TABLES = (
    "flows", "packets", "messages", "data", "faults", "findings", "gaps", "nodes",
    "winmx_packets", "sessions", "exchanges", "transitions",
)  # fmt: skip


def cut(path: Path, places: list[int], folder: Path) -> list[str]:
    """Files of the records between places."""
    made = []
    with open_sources(path) as sources:
        found = records(path)
        for first, last in pairwise([0, *places, len(found.rows)]):
            made.append(str(folder / f"part{len(made)}.pcap"))
            write_records(
                made[-1], sources, found.rows[first:last], found.interfaces, format="pcapng"
            )
    return made


def expected(paths: Any, tables: tuple[str, ...] = TABLES) -> dict[str, Any]:
    """Tables of `mmscodec.open`; faults of files are left out."""
    import pyarrow as pa

    with mmscodec.open(paths) as capture:
        found = {name: pa.table(capture.table(name)) for name in tables}
    if "faults" in found:
        found["faults"] = found["faults"].filter(found["faults"]["flow"].is_valid())
    return found
