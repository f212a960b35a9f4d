"""A collector in a process of its own, and what it wrote beside what is true."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import mmscodec
from mmscodec.capture.arrow_stream import STREAMED

CAPTURES = Path(__file__).resolve().parents[1] / "captures"


def started(*words: object, **more: Any) -> subprocess.Popen:
    """`mmscodec collect` with these words; its log is JSON lines on standard error."""
    command = [sys.executable, "-m", "mmscodec", "collect", "--log-format", "json"]
    return subprocess.Popen([*command, *map(str, words)], stderr=subprocess.PIPE, **more)


def piped(out: Path, *words: object) -> subprocess.Popen:
    """The same, with a pipe as its input."""
    return started("-o", out, *words, "-", stdin=subprocess.PIPE)


def fed(process: subprocess.Popen, content: bytes) -> None:
    """Bytes into its pipe."""
    assert process.stdin is not None
    process.stdin.write(content)
    process.stdin.flush()


def begun(out: Path) -> None:
    """Wait until it has rows in hand."""
    until(lambda: list(out.glob("*/run=*")))


def closed(process: subprocess.Popen) -> tuple[int, list[dict[str, Any]]]:
    """The end of its pipe, and `ended`."""
    assert process.stdin is not None
    process.stdin.close()
    process.stdin = None
    return ended(process)


def ended(process: subprocess.Popen, seconds: float = 60) -> tuple[int, list[dict[str, Any]]]:
    """Its exit status, and the events of its log."""
    _, said = process.communicate(timeout=seconds)
    assert b"Traceback" not in said, said.decode()
    lines = [line for line in said.decode().splitlines() if line.startswith("{")]
    return process.returncode, [json.loads(line) for line in lines]


def until(condition: Any, seconds: float = 30) -> Any:
    """What `condition` gives as soon as it is true."""
    for _ in range(int(seconds / 0.02)):
        if found := condition():
            return found
        pause(0.02)
    raise AssertionError("it did not happen")


def pause(seconds: float) -> None:
    """Let another process work."""
    threading.Event().wait(seconds)


def finished(out: Path) -> list[Path]:
    """Files under their final names."""
    return sorted(out.glob("*/run=*/part-*.parquet"))


def plain(table: Any) -> list[str]:
    """Rows as text. Packets of WinMX stand in the order in which they could be deciphered, which
    depends on where batches end: then their numbers are others, though not what they refer to."""
    if "packet" in table.column_names and "mid" not in table.column_names:
        table = table.drop_columns(["packet"])
    return [str(row) for row in table.to_pylist()]


def written(out: Path) -> dict[str, list[str]]:
    """The rows of each table of all runs, sorted; every finished file is whole."""
    import pyarrow.parquet as parquet

    found: dict[str, list[str]] = {}
    for path in finished(out):
        file = parquet.ParquetFile(path)
        about = file.metadata.metadata
        assert about[b"mmscodec.table"].decode() == path.parts[-3]
        stretches = json.loads(about[b"mmscodec.rows"])
        assert sum(count for _, count in stretches) == file.metadata.num_rows
        found.setdefault(path.parts[-3], []).extend(plain(file.read()))
    return {name: sorted(rows) for name, rows in found.items()}


def wrong_references(out: Path) -> int:
    """Rows of packets and messages whose number is not that of their packet; of one run."""
    import pyarrow.parquet as parquet

    rows: dict[tuple[str, int], Any] = {}
    referring = []
    for path in finished(out):
        file, name = parquet.ParquetFile(path), path.parts[-3]
        found = file.read().to_pylist()
        if name in ("packets", "messages", "winmx_packets"):
            stretches = json.loads(file.metadata.metadata[b"mmscodec.rows"])
            numbers = [at for first, count in stretches for at in range(first, first + count)]
            rows |= {(name, at): row for at, row in zip(numbers, found, strict=True)}
        for column in ("packet", "message"):
            to = {"message": "messages"}.get(column, "winmx_packets")
            to = "packets" if (name, column) == ("messages", "packet") else to
            referring += [(to, row[column], row) for row in found if row.get(column) is not None]
    assert referring
    return sum(
        (other := rows[to, at])["flow"] != row["flow"] or other["time"] > row["time"]
        for to, at, row in referring
    )


def truth(capture: Path) -> dict[str, list[str]]:
    """The same of a capture that is read as a whole."""
    import pyarrow as pa

    found = {}
    with mmscodec.open(capture) as cap:
        for name in STREAMED:
            if rows := plain(pa.table(cap.table(name))):
                found[name] = sorted(rows)
    return found


def joined(path: Path, protocol: str = "mms") -> Path:
    """The captures of the tests as one."""
    with mmscodec.open(sorted((CAPTURES / protocol).glob("*.pcap"))) as cap:
        cap.write_pcap(path)
    return path


def differing(one: dict[str, list[str]], other: dict[str, list[str]]) -> list[tuple]:
    """Names of tables that are not the same in both, and a row that only one has, of each."""
    found = []
    for name in sorted({*one, *other}):
        mine, theirs = one.get(name, []), other.get(name, [])
        if mine != theirs:
            rows = [sorted((Counter(a) - Counter(b)).elements())[:1]
                    for a, b in ((mine, theirs), (theirs, mine))]  # fmt: skip
            found.append((name, len(mine), len(theirs), *rows))
    return found
