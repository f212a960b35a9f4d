"""A generated set of any size: a spool gives the rows of one process, content for content."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.capture_set import write_set
from tests.spark.equal import NUMBERS

duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
pytest.importorskip("pyarrow", reason="pyarrow is not installed")

MEGABYTES = float(os.environ.get("MMSCODEC_SET_MEGABYTES", "24"))
ROTATE = max(4.0, MEGABYTES / 40)


def run(*words: str) -> None:
    path = os.pathsep.join(entry for entry in sys.path if entry)
    command = [sys.executable, "-m", "mmscodec", *words]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 3), done.stderr  # 3: some templates hold damage


def content(files: str, but: set[str], where: str = "true") -> tuple[int, ...]:
    """How many rows there are, and sums of their hashes, in any order."""
    rows = f"read_parquet('{files}', hive_partitioning = false)"
    names = [name for name, *_ in duckdb.sql(f"describe select * from {rows}").fetchall()]
    columns = ", ".join(f'"{name}"' for name in names if name not in but)
    [found] = duckdb.sql(
        f"select count(*), sum(hash({columns})::hugeint), bit_xor(hash({columns})) "
        f"from {rows} where {where}"
    ).fetchall()
    return found


def test_a_set_comes_out_of_a_spool_as_out_of_one_process(tmp_path: Path) -> None:
    captures = tmp_path / "captures"
    captures.mkdir()
    files = write_set(captures, MEGABYTES, rotate=ROTATE, other=0.25)
    assert len(files) >= 5
    spool, out, whole = (str(tmp_path / name) for name in ("spool", "out", "whole"))
    run("scan", "-q", "--workers", "2", "-o", spool, str(captures))
    run("join", "-q", "--workers", "2", "-o", out, spool)
    run("convert", "-q", "--tables", "all", "-o", whole, *map(str, files))
    names = {path.stem for path in Path(whole).glob("*.parquet")} - {"not_understood"}
    assert {"messages", "data", "sessions", "exchanges", "nodes", "findings"} <= names
    assert {path.name for path in Path(out).iterdir() if not path.name.startswith(".")} == names
    for name in sorted(names):
        where = "flow is not null" if name == "faults" else "true"
        made = content(f"{out}/{name}/*/*.parquet", NUMBERS)
        assert made == content(f"{whole}/{name}.parquet", NUMBERS, where), name
        assert made[0], name
