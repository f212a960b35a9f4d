"""One flow that is larger than what a task may hold: skew cannot be larger than that."""

import os
import threading
from pathlib import Path

import pytest

from benchmarks.capture_set import write_flow
from tests.collect.service import pause

#: MB of the flow, and of the memory that each process of Python may take.
MEGABYTES = float(os.environ.get("MMSCODEC_SPARK_FLOW", "60"))
LIMIT = 1000


class Watch(threading.Thread):
    """The most memory that a process of Python below this one had to itself, in MB."""

    def __init__(self):
        super().__init__(daemon=True)
        self.most = 0.0
        self.ended = threading.Event()

    def run(self):
        while not self.ended.is_set():
            self.most = max([self.most, *map(resident, workers(os.getpid()))])
            pause(0.1)


def workers(above):
    """Numbers of the processes that Spark made for tasks, below a process."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
            words = (path.parent / "cmdline").read_text().split("\0")
        except OSError:  # it has ended
            continue
        parents[int(path.parent.name)] = int(fields[1]), "pyspark.daemon" in words
    for number, (_, task) in parents.items():
        top = number
        while top in parents and top != above:
            top = parents[top][0]
        if task and top == above:
            yield number


def resident(number):
    """MB of a process that lie in no file."""
    try:
        lines = Path(f"/proc/{number}/status").read_text().splitlines()
    except OSError:
        return 0.0
    found = [int(line.split()[1]) for line in lines if line.startswith(("RssAnon", "RssShmem"))]
    return sum(found) / 1000


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_one_flow_of_any_size_stays_below_a_gigabyte_of_python(spark, tmp_path):
    """MMSCODEC_SPARK_FLOW=2500 makes it one of 2.5 GB."""
    from mmscodec.spark import decode

    files = write_flow(tmp_path, MEGABYTES, rotate=min(256, MEGABYTES / 4))
    packets = int((sum(file.stat().st_size for file in files) - 24 * len(files)) / (1400 + 70))
    watch = Watch()
    watch.start()
    rows = decode(spark, files, "data", partitions=4)
    counts = rows.groupBy("partition", "flow", "length").count().collect()
    watch.ended.set()
    watch.join()
    assert len(counts) == 1
    assert abs(counts[0]["count"] - packets) <= 1
    print(f"{MEGABYTES:.0f} MB in one flow: {watch.most:.0f} MB of Python at most")
    assert 0 < watch.most < LIMIT
