"""Rotated captures to Parquet: one process, a spool on one and two cores, Spark, tshark.

No race: each way runs once for each size, as programs, on files that were just written.
`MMSCODEC_BENCH_DISTRIBUTED` is the size of the smaller set in MB (64); the other is ten times it.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.capture_set import write_set
from benchmarks.conftest import TABLES

MEGABYTES = float(os.environ.get("MMSCODEC_BENCH_DISTRIBUTED", "64"))
OTHER = 0.5  # of the connections, that is a sixth of the bytes
COLUMNS = "frame.time_epoch ip.src tcp.srcport ip.dst tcp.dstport msmms.command.to-client-id"


@dataclass
class Spent:
    """What a program took, with all that it started and waited for."""

    seconds: float
    cpu: float
    memory: int  # of its largest process, in kB


def run(command: str, **names: object) -> Spent:
    """Run a line of shell; its failure is ours. Status 3 says that input was damaged: some is."""
    line = command.format(python=sys.executable, **names)
    with tempfile.TemporaryFile() as said:
        started = time.perf_counter()
        process = subprocess.Popen(["bash", "-c", line], stdout=subprocess.DEVNULL, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        spent = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        assert process.returncode in (0, 3), line + "\n" + said.read().decode()
    return Spent(spent, used.ru_utime + used.ru_stime, used.ru_maxrss)


SPOOL = (
    "{python} -m mmscodec scan -q --workers %d -o {out}.spool {captures}; "
    "{python} -m mmscodec join -q --workers %d -o {out} {out}.spool"
)
SPARK = "{python} -m benchmarks.spark_job %d {captures} {out}"
TSHARK = (
    "ls {captures}/*.pcap | xargs -P %d -I@ sh -c 'tshark -r @ -Y msmms -T fields "
    + " ".join(f"-e {name}" for name in COLUMNS.split()[:5])
    + " > /dev/null'"
)
WAYS = {
    "one process": ("mmscodec", "{python} -m mmscodec convert -o {out} {captures}"),
    "scan and join, one worker": ("mmscodec", SPOOL % (1, 1)),
    "scan and join, two workers": ("mmscodec", SPOOL % (2, 2)),
    "Spark, local[1]": ("pyspark", SPARK % 1),
    "Spark, local[2]": ("pyspark", SPARK % 2),
    "tshark, xargs -P 1": ("tshark", TSHARK % 1),
    "tshark, xargs -P 2": ("tshark", TSHARK % 2),
}


def missing(need: str) -> str:
    """What a way cannot do without and is not there."""
    if need == "tshark":
        return "" if shutil.which("tshark") else "tshark"
    if need == "pyspark":
        if shutil.which("java") is None:
            return "java"
        return "" if importlib.util.find_spec("pyspark") else "pyspark"
    return ""


def lines_of(size: int, folder: Path) -> list[str]:
    """A line for each way."""
    lines = []
    for name, (need, command) in WAYS.items():
        if missing(need):
            lines.append(f"  {name:28} not run: {missing(need)} is not installed")
            continue
        out = folder / "out"
        spent = run(command, captures=folder / "captures", out=out)
        for left in (out, folder / "out.spool"):
            shutil.rmtree(left, ignore_errors=True)
        lines.append(
            f"  {name:28}{spent.seconds:9.2f}{spent.cpu:9.2f}{spent.cpu / size * 1e9:14.2f}"
            f"{spent.memory / 1000:12.0f}"
        )
    return lines


@pytest.mark.parametrize("times", [1, 10])
def bench_distributed(request, benchmark, tmp_path, times):
    files = write_set(tmp_path / "captures", MEGABYTES * times, rotate=MEGABYTES / 4, other=OTHER)
    size = sum(file.stat().st_size for file in files)
    found: list[str] = []
    benchmark.pedantic(lambda: found.extend(lines_of(size, tmp_path)), rounds=1)
    head = f"{'':30}{'s':>9}{'CPU s':>9}{'CPU s per GB':>14}{'largest MB':>12}"
    title = (
        f"captures of {size / 1e6:.0f} MB in {len(files)} files to Parquet; tshark: five columns"
    )
    request.config.stash[TABLES].append("\n".join([title, head, *found]))
