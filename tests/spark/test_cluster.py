"""A standalone cluster of Spark: a worker that is killed in the middle loses nothing."""

import os
import subprocess
import sys

import pytest

from tests.collect.service import until
from tests.spark import equal
from tests.spark.cluster import Cluster

#: Each takes half a minute on two cores.
MORE = "set MMSCODEC_SPARK=1 for it: it takes half a minute"


@pytest.fixture
def cluster(java, table, tmp_path):
    if table != "data" and not os.environ.get("MMSCODEC_SPARK"):
        pytest.skip(MORE)
    made = Cluster(tmp_path)
    yield made
    made.stop()


@pytest.mark.parametrize("table", ["data", "sessions", "nodes"])
def test_a_worker_that_is_killed_in_the_middle_loses_no_row_and_doubles_none(
    cluster, rotated, tmp_path, table
):
    import pyarrow.parquet as parquet

    command = [sys.executable, "-m", "tests.spark.driver"]
    with (tmp_path / "driver.log").open("wb") as log:
        driver = subprocess.Popen(
            [*command, cluster.url, str(tmp_path), str(rotated), table], stdout=log, stderr=log
        )
    try:
        until(lambda: driver.poll() is not None or (tmp_path / "waits").exists(), 240)
        assert driver.poll() is None, (tmp_path / "driver.log").read_text(errors="replace")
        cluster.kill(cluster.workers[0])
        (tmp_path / "go").touch()
        assert driver.wait(240) == 0, (tmp_path / "driver.log").read_text(errors="replace")
    finally:
        driver.kill()
        driver.wait()
    lost = (tmp_path / "driver.log").read_text(errors="replace")
    assert "Lost executor" in lost
    files = sorted((tmp_path / "out").glob("*.parquet"))
    found = [parquet.ParquetFile(file).read() for file in files]
    expected = equal.whole(rotated)[table]
    names = {name: name for name in expected.column_names if name not in equal.NUMBERS}
    for name in names:
        if f"{name}_ns" in found[0].column_names:
            names[name] = f"{name}_ns"
    renamed = [rows.select(list(names.values())).rename_columns(list(names)) for rows in found]
    assert equal.content(renamed) == equal.content([expected])
