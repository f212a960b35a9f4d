"""Captures to Arrow, Parquet, text and an answer, beside what people use today.

Whole commands, each in a process of its own: the time of the command and the most memory it had.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import mmscodec
from benchmarks.capture_corpus import capture
from benchmarks.harness import HERE, Run
from benchmarks.tables_corpus import write

MEGABYTES = int(os.environ.get("MMSCODEC_BENCH_TABLES_MB", "128"))
FIELDS = (
    "frame.time_epoch", "ip.src", "tcp.srcport", "ip.dst", "tcp.dstport", "tcp.stream",
    "msmms.data.sequence-number", "msmms.data.packet-id-type", "msmms.data.udp-sequence",
    "msmms.data.packet-length", "msmms.command.direction",
)  # fmt: skip
AGGREGATE = "select client, server, count(*), sum(length) from data group by all"
TSHARK_AGGREGATE = (
    'select "ip.dst", "ip.src", count(*), sum("msmms.data.packet-length") from '
    "read_csv('{0}', delim = ',', quote = '\"', strict_mode = false) group by all"
)


@dataclass
class Command:
    """A command, its best time in seconds and its peak in megabytes; children count."""

    name: str
    words: list[str]
    output: Path | None = None
    best: float = float("inf")
    peak: float = 0.0

    def run(self) -> None:
        with open(self.output or os.devnull, "wb") as out:
            started = time.perf_counter()
            process = subprocess.Popen(
                self.words, stdout=out, stderr=subprocess.DEVNULL, env=environment()
            )
            _, status, usage = os.wait4(process.pid, 0)
            spent = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode in (0, 2, 3), (self.name, process.returncode)
        self.best = min(self.best, spent)
        self.peak = max(self.peak, usage.ru_maxrss / 1024)


def environment() -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPATH": f"{HERE.parent / 'src'}:{HERE.parent}"}


def ours(name: str, *words: str) -> Command:
    return Command(name, [sys.executable, "-m", "mmscodec", *words])


def arrow(path: Path) -> Command:
    code = (
        "import pyarrow as pa, mmscodec, sys\n"
        "table = mmscodec.open(sys.argv[1]).stream_table('data')\n"
        "for batch in pa.RecordBatchReader.from_stream(table): pass"
    )
    return Command("to Arrow batches", [sys.executable, "-c", code, str(path)])


def tshark(form: str, path: Path) -> Command:
    words = ["tshark", "-n", "-r", str(path), "-T", form]
    if form == "fields":
        words += [word for field in FIELDS for word in ("-e", field)]
    return Command(f"tshark -T {form}", words)


def shown(title: str, size: int, commands: list[Command], base: list[str]) -> None:
    best = {command.name: command.best for command in commands}
    print(f"\n{title}, {size / 1e6:.0f} MB")
    head = "".join(f"  {'times ' + name:>22}" for name in base)
    print(f"  {'':<32}{'s':>9}{'MB/s':>9}{'peak MB':>9}{head}")
    for command in commands:
        ratios = "".join(f"  {best[name] / command.best:>22.1f}" for name in base)
        rate = size / 1e6 / command.best
        print(f"  {command.name:<32}{command.best:>9.2f}{rate:>9.1f}{command.peak:>9.0f}{ratios}")


def turns(commands: list[Command], rounds: int, slow: tuple[str, ...] = ()) -> None:
    """Commands take turns; slow ones run once, in the first round."""
    for turn in range(rounds):
        for command in commands:
            if not turn or not command.name.startswith(slow or ("\0",)):
                command.run()


@pytest.fixture(scope="module", params=["a message a segment", "media"])
def corpus(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    path = folder / "capture.pcap"
    size = 1456 if request.param == "media" else 200
    scale = MEGABYTES if request.param == "media" else MEGABYTES // 6
    path.write_bytes(capture("media", 10, size, scale).raw.data)
    yield request.param, path
    shutil.rmtree(folder)


def bench_text(corpus):
    name, path = corpus
    commands = [
        ours("decode --json", "decode", "--json", str(path)),
        ours("decode --csv", "decode", "--csv", str(path)),
        ours("decode", "decode", str(path)),
    ]
    if shutil.which("tshark"):
        commands += [tshark(form, path) for form in ("fields", "ek", "json")]
    turns(commands, 3, ("tshark",))
    size = path.stat().st_size
    shown(f"text, {name}", size, commands, [command.name for command in commands[3:]])


def bench_tables(corpus, tmp_path):
    name, path = corpus
    csv = tmp_path / "rows.csv"
    through = tshark("fields", path)
    through.name, through.output = "tshark to CSV to DuckDB", csv
    through.words += ["-E", "header=y", "-E", "separator=,", "-E", "quote=d"]
    code = "import duckdb, sys; print(duckdb.connect().execute(sys.argv[1]).fetchall())"
    ask = Command("DuckDB", [sys.executable, "-c", code, TSHARK_AGGREGATE.format(csv)])
    parquet = [str(tmp_path / "tables"), "--overwrite", "-q"]
    commands = [
        arrow(path),
        ours("to Parquet", "convert", "--tables", "data", "-o", *parquet, str(path)),
        ours("to JSON lines", "decode", "--json", str(path)),
        ours("sql, one aggregate", "sql", "-q", AGGREGATE, str(path)),
    ]
    turns(commands, 3)
    if shutil.which("tshark"):
        through.run()
        ask.run()
        through.best += ask.best
        through.peak = max(through.peak, ask.peak)
        commands.append(through)
    if shutil.which("pcaptoparquet"):
        out = str(tmp_path / "theirs.parquet")
        theirs = Command("pcaptoparquet", ["pcaptoparquet", "-i", str(path), "-o", out])
        theirs.run()
        commands.append(theirs)
    shown(f"tables, {name}", path.stat().st_size, commands, [c.name for c in commands[4:]])


def bench_export(contest, tmp_path):
    """Columns of numbers to Arrow, beside a plain copy of the same columns."""
    pa = pytest.importorskip("pyarrow")
    path = tmp_path / "control.pcap"
    write(path, "control", 66)
    with mmscodec.open(path) as cap:
        rows = np.asarray(cap.messages)
        names = ["time", "flow", "offset", "length", "mid", "packet"]
        table = cap.table("messages").select(names)
        taken = pa.table(table)
        kinds = {name: taken[name].type.to_pandas_dtype() for name in names[1:]}

        def copy() -> list[np.ndarray]:
            out = [rows["time"].copy()]
            return [*out, *(rows[name].astype(kind) for name, kind in kinds.items())]

        for name, column in zip(names, copy(), strict=True):
            assert (taken[name].cast("int64").to_numpy() == column.astype(np.int64)).all()
        runs = [
            Run("to Arrow", lambda: pa.table(table), taken.nbytes, len(rows)),
            Run("copy of the columns", copy, taken.nbytes, len(rows)),
        ]
        contest("export of number columns", runs, roofs=["copy of the columns"])
