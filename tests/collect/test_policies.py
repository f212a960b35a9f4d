"""Rows that come quicker than they are written: what each policy keeps, and how much waits."""

import itertools
import json
import threading

import pytest

from mmscodec.collect import Settings, collect, inputs, service
from mmscodec.collect.files import Part
from mmscodec.collect.policy import Waiting
from tests.collect.service import finished, pause
from tests.collect.traffic import capture

COUNT, CEILING = 1600, 200_000


class Seen(Waiting):
    """A queue that remembers the most that ever waited."""

    last: "Seen"

    def __init__(self, *about):
        super().__init__(*about)
        self.most, self.given, Seen.last = 0, [], self

    def put(self, thing):
        self.given.append((thing.first, thing.rows, thing.size))
        super().put(thing)
        self.most = max(self.most, self.bytes)

    @property
    def complete(self):
        return self._closed


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setattr(service, "Waiting", Seen)
    monkeypatch.setattr(inputs, "_PIECE", 40_000)
    path = tmp_path / "in.pcap"
    path.write_bytes(b"".join(piece for _, piece in capture(COUNT, 200)))
    return path


def collected(path, policy, monkeypatch, slow):
    """Run to the end over a disk that is as slow as `slow` makes it; the log's last event."""
    write = Part.write

    def slowly(self, tables, first):
        slow()
        write(self, tables, first)

    monkeypatch.setattr(Part, "write", slowly)
    out = path.parent / policy
    words = {
        "policy": policy,
        "queue_bytes": CEILING,
        "log_format": "json",
        "tables": ("messages",),
    }
    found = []
    thread = threading.Thread(
        target=lambda: found.append(collect(Settings(str(path), str(out), **words)))
    )
    thread.start()
    thread.join(60)
    assert found == [0]
    return out


def numbers(out):
    """Of the rows that are there, in the order of files."""
    import pyarrow.parquet as parquet

    found = []
    for file in finished(out):
        about = parquet.ParquetFile(file).metadata.metadata
        for first, count in json.loads(about[b"mmscodec.rows"]):
            found += range(first, first + count)
    return found


def said(capfd):
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    return lines[-1], [line for line in lines if line["event"] == "rows are dropped"]


def test_block_loses_nothing_on_a_slow_disk(path, monkeypatch, capfd):
    out = collected(path, "block", monkeypatch, lambda: pause(0.01))
    total = sum(rows for _, rows, _ in Seen.last.given)
    assert numbers(out) == list(range(total))
    assert Seen.last.most <= CEILING
    assert sum(size for _, _, size in Seen.last.given) > 2 * CEILING  # so that it had to wait
    last, drops = said(capfd)
    assert (last["dropped"], last["rows"], drops) == (0, total, [])


@pytest.mark.parametrize("policy", ["drop-newest", "drop-oldest"])
def test_a_disk_that_stands_still_drops_whole_batches(policy, path, monkeypatch, capfd):
    def until_all_is_decoded():
        while not Seen.last.complete:
            pause(0.01)

    out = collected(path, policy, monkeypatch, until_all_is_decoded)
    given = [(first["messages"], *more) for first, *more in Seen.last.given if more[0]]
    there = set(numbers(out))
    total = sum(rows for _, rows, _ in given)
    batches = [set(range(first, first + rows)) for first, rows, _ in given]
    assert set().union(*batches) == set(range(total))
    kept = [batch <= there for batch in batches]
    assert [bool(batch & there) for batch in batches] == kept  # whole ones
    assert kept[0]  # which was being written when the disk stood still
    waited = kept[1:]
    if policy == "drop-oldest":
        assert waited == sorted(waited)
        assert waited[0] < waited[-1]
    else:
        sizes = itertools.accumulate(size for _, _, size in given[1:])
        first = next(at for at, size in enumerate(sizes) if size > CEILING)
        assert all(waited[:first])
        assert not waited[first]
    assert Seen.last.most <= CEILING
    last, drops = said(capfd)
    assert last["dropped"] == total - len(there)
    assert last["rows"] == len(there)
    assert drops[0]["policy"] == policy
