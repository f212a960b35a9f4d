"""Captures to Arrow, Parquet, text and an answer, beside what people use today.

Whole commands, each in a process of its own: the time of the command and the most memory it had.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
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
    "tcp.len", "msmms.data.sequence", "msmms.data.packet-id-type", "msmms.data.tcp-flags",
    "msmms.data.packet-length", "msmms.command.direction",
)  # fmt: skip
AGGREGATE = """select client, server, count(*) as packets, sum(length)::bigint as bytes
from data group by all order by all"""
#: The same of what tshark says: here a Data packet is a segment, and the first one no Data packet.
TSHARK_AGGREGATE = """select "ip.dst" as client, "ip.src" as server, count(*) as packets,
sum("tcp.len")::bigint as bytes from read_csv('{}', delim = ',', quote = '"')
where "tcp.len" > 48 group by all order by all"""


@dataclass
class Command:
    """A command: its best time and processor time in seconds, and its peak in megabytes.

    Children count. On a machine that others use the processor time is what can be compared.
    """

    name: str
    words: list[str]
    output: Path | None = None
    best: float = float("inf")
    work: float = float("inf")
    peak: float = 0.0

    def run(self) -> None:
        out = str(self.output or os.devnull)
        words = [sys.executable, "-S", "-c", LAUNCHER, out, *self.words]
        done = subprocess.run(words, capture_output=True, text=True, env=environment(), check=True)
        spent, work, peak, status = json.loads(done.stdout)
        assert status in (0, 3), (self.name, status)
        self.best, self.work = min(self.best, spent), min(self.work, work)
        self.peak = max(self.peak, peak / 1024)


#: A small process, for the peak of a process is at least that of the one that started it.
LAUNCHER = """
import json, os, sys, time
out = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
null = os.open(os.devnull, os.O_WRONLY)
began = time.perf_counter()
actions = [(os.POSIX_SPAWN_DUP2, out, 1), (os.POSIX_SPAWN_DUP2, null, 2)]
pid = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ, file_actions=actions)
_, status, usage = os.wait4(pid, 0)
spent = time.perf_counter() - began
work = usage.ru_utime + usage.ru_stime
print(json.dumps([spent, work, usage.ru_maxrss, os.waitstatus_to_exitcode(status)]))
"""


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
    found = {command.name: command for command in commands}
    print(f"\n{title}, {size / 1e6:.0f} MB; ratios of times, and of processor times")
    head = "".join(f"  {'times ' + name:>24}" for name in base)
    print(f"  {'':<32}{'s':>9}{'work s':>9}{'MB/s':>9}{'peak MB':>9}{head}")
    for command in commands:
        ratios = "".join(
            f"  {found[name].best / command.best:>15.1f}, {found[name].work / command.work:>7.1f}"
            for name in base
        )
        rate = size / 1e6 / command.best
        times = f"{command.best:>9.2f}{command.work:>9.2f}{rate:>9.1f}"
        print(f"  {command.name:<32}{times}{command.peak:>9.0f}{ratios}")


def answers(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


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
    scale = MEGABYTES if request.param == "media" else MEGABYTES // 4
    path.write_bytes(capture("media", 10, size, scale).raw.data)
    yield request.param, path
    shutil.rmtree(folder)


def bench_text(corpus):
    text(*corpus)


def bench_text_of_full_segments(tmp_path):
    """21 messages a segment: a line of `tshark -T fields` stands beside 21 rows of ours."""
    path = tmp_path / "control.pcap"
    write(path, "control", MEGABYTES // 4)
    text("21 messages a segment", path)


def text(name: str, path: Path) -> None:
    """Every form of text, of ours and of tshark."""
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
    code = (
        "import duckdb, sys, json\n"
        "found = duckdb.connect().execute(sys.argv[1])\n"
        "names = [item[0] for item in found.description]\n"
        "for row in found.fetchall(): print(json.dumps(dict(zip(names, row))))"
    )
    ask = Command("DuckDB", [sys.executable, "-c", code, TSHARK_AGGREGATE.format(csv)])
    ask.output = tmp_path / "theirs.jsonl"
    parquet = [str(tmp_path / "tables"), "--overwrite", "-q"]
    commands = [
        arrow(path),
        ours("to Parquet", "convert", "--tables", "data", "-o", *parquet, str(path)),
        ours("to JSON lines", "decode", "--json", str(path)),
        ours("sql, one aggregate", "sql", "--json", "-q", AGGREGATE, str(path)),
    ]
    commands[3].output = tmp_path / "ours.jsonl"
    turns(commands, 3)
    if shutil.which("tshark"):
        through.run()
        ask.run()
        assert answers(ask.output) == answers(commands[3].output)
        through.best, through.work = through.best + ask.best, through.work + ask.work
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
