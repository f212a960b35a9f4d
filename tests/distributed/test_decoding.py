"""Rows of rotated files that went through segments are those of `mmscodec.open`."""

from pathlib import Path

import pytest

from mmscodec import distributed
from mmscodec.capture import records
from tests.distributed.cutting import CAPTURES, TABLES, cut, expected

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")


def segments(paths: list[str]) -> pa.Table:
    wanted = distributed.decide(distributed.survey_file(path) for path in paths)
    batches = [batch for path in paths for batch in distributed.scan_file(path, wanted)]
    table = pa.Table.from_batches(batches, distributed.SEGMENTS)
    return table.sort_by([(name, "ascending") for name in distributed.SORT_BY])


def decoded(table: pa.Table, name: str, **options: bool) -> pa.Table:
    batches = distributed.decode_sorted(table.to_batches(), name, **options)
    return pa.Table.from_batches(batches, distributed.schema(name))


@pytest.mark.parametrize(
    "name",
    ["mms/vlc_udp.pcap", "mms/libmms_notfound.pcap", "mms/ffmpeg_ipv6.pcapng",
     "own/own_redirect.pcap", "own/own_losses.pcap", "winmx/chat.pcap", "winmx/primary.pcap"],
)  # fmt: skip
def test_three_files_give_the_rows_of_one(name: str, tmp_path: Path) -> None:
    path = CAPTURES / name
    count = len(records(path))
    paths = cut(path, [count // 3, 2 * count // 3], tmp_path)
    found = segments(paths)
    for table, rows in expected(paths).items():
        assert decoded(found, table).equals(rows), table


def test_rows_that_come_twice_count_once(tmp_path: Path) -> None:
    paths = cut(CAPTURES / "mms/vlc_udp.pcap", [], tmp_path)
    found = segments(paths)
    twice = pa.concat_tables([found, found]).sort_by(
        [(name, "ascending") for name in distributed.SORT_BY]
    )
    assert decoded(twice, "data").equals(decoded(found, "data"))
    assert len(decoded(found, "data"))


def test_batch_by_batch_gives_the_same_rows(tmp_path: Path) -> None:
    paths = cut(CAPTURES / "own/own_seek.pcap", [10], tmp_path)
    found = segments(paths)
    for table in ("messages", "data", "packets"):
        assert decoded(found, table, whole=False).equals(decoded(found, table)), table


def test_a_partition_without_rows_has_tables(tmp_path: Path) -> None:
    for table in TABLES:
        assert decoded(distributed.SEGMENTS.empty_table(), table).num_rows == 0
    assert distributed.join_partition([], tmp_path) == {}
