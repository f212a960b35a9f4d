"""The same over an object store: a small S3 server on loopback."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmscodec import distributed
from mmscodec.errors import CaptureError, MissingExtraError
from tests.distributed.cutting import CAPTURES, cut, expected

parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow has no Parquet here")
moto = pytest.importorskip("moto.server", reason="moto[server] is not installed")
s3fs = pytest.importorskip("s3fs", reason="s3fs is not installed")

pytestmark = pytest.mark.filterwarnings("default")  # those of the server and its client


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in (
        ("AWS_ENDPOINT_URL", f"http://{host}:{port}"), ("AWS_ACCESS_KEY_ID", "testing"),
        ("AWS_SECRET_ACCESS_KEY", "testing"), ("AWS_DEFAULT_REGION", "us-east-1"),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    s3fs.S3FileSystem().mkdir(f"bucket-{port}")  # the server's buckets outlive it
    yield f"s3://bucket-{port}"
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


@pytest.mark.parametrize("workers", [1, 2])
def test_captures_spool_and_tables_in_a_bucket(bucket: str, tmp_path: Path, workers: int) -> None:
    paths = cut(CAPTURES / "own/own_pair_udp.pcap", [9, 17, 30], tmp_path)
    system = s3fs.S3FileSystem()
    for path in paths:
        system.put_file(path, f"{bucket}/in/{Path(path).name}")
    spool, out = f"{bucket}/spool", f"{bucket}/out"
    for _ in range(2):  # the second time all is there
        found = distributed.scan([f"{bucket}/in/*.pcap"], spool, partitions=2, workers=workers)
        assert [about["name"] for about in found] == [
            f"{bucket}/in/{Path(path).name}" for path in paths
        ]
        assert not any("failed" in about for about in found)
        (about,) = distributed.join(spool, out, workers=workers)
    wanted = expected(paths)
    for name, rows in wanted.items():
        assert about["rows"].get(name, 0) == len(rows)
        if len(rows):
            place = f"{out}/{name}/partition={about['partition']}/part-0.parquet"
            with system.open(place, "rb") as file:
                made = parquet.read_table(file)
            assert made.to_pylist() == rows.cast(made.schema).to_pylist(), name


def test_an_address_that_nobody_knows_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="Protocol not known"):
        distributed.scan([str(tmp_path / "none.pcap")], "nothing-like-it://bucket/spool")


def test_without_fsspec_its_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(MissingExtraError, match="cloud"):
        distributed.scan([str(tmp_path / "none.pcap")], "s3://bucket/spool")
