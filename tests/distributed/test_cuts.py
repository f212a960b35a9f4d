"""Wherever a capture is cut, and whatever its frames are, the rows are those of `mmscodec.open`."""

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mmscodec import distributed
from mmscodec.capture import records
from mmscodec.distributed import surveying
from tests.capture import build, recut, shared
from tests.capture import frames as f
from tests.capture.test_export_fragments import plain, tunnelled
from tests.distributed.cutting import CAPTURES, cut, expected

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
pc = pytest.importorskip("pyarrow.compute", reason="pyarrow has no functions here")

#: One table for each way in which rows are made.
SOME = ("flows", "messages", "data", "faults", "gaps", "sessions", "exchanges", "winmx_packets")
#: A case is no capture where it shows what is none.
NONE = ("text-mode-crlf", "utf16")
ALL = [
    path.relative_to(CAPTURES).as_posix()
    for folder in ("cases", "mms", "own", "winmx", "winmx/cases")
    for path in sorted((CAPTURES / folder).glob("*.pcap*"))
    if not path.name.startswith(NONE) and path.suffix != ".zst" and path.stat().st_size < 200_000
]


def segments(paths: list[str]) -> Any:
    wanted = distributed.decide(distributed.survey_file(path) for path in paths)
    batches = [batch for path in paths for batch in distributed.scan_file(path, wanted)]
    rows = pa.Table.from_batches(batches, distributed.SEGMENTS)
    return rows.sort_by([(name, "ascending") for name in distributed.SORT_BY])


def check(paths: list[str], tables: tuple[str, ...] = SOME) -> Any:
    """Every table of every group at once; the segments."""
    found = segments(paths)
    for name, rows in expected(paths, tables).items():
        made = distributed.decode_sorted(found.to_batches(), name)
        assert pa.Table.from_batches(made, distributed.schema(name)).equals(rows), name
    return found


@pytest.mark.parametrize("name", ALL)
def test_a_file_for_each_record(name: str, tmp_path: Path) -> None:
    path = CAPTURES / name
    count = len(records(path))
    step = 1 + count // 120
    found = check(cut(path, list(range(1, count, step)), tmp_path), ("messages", "data", "flows"))
    assert len(found.column("group").unique()) <= 1


@pytest.mark.parametrize(
    "name", ["mms/libmms_notfound.pcap", "own/own_hung_up.pcap", "winmx/cache.pcap"]
)
def test_two_files_cut_at_each_record(name: str, tmp_path: Path) -> None:
    path = CAPTURES / name
    for place in range(1, len(records(path))):
        check(cut(path, [place], tmp_path), ("messages", "flows", "sessions", "nodes"))


@pytest.mark.parametrize("form", [plain, tunnelled])
@pytest.mark.parametrize("name", ["vlc_udp.pcap", "ffmpeg_ipv6.pcapng"])
def test_fragments_whose_datagrams_lie_in_two_files(form: Any, name: str, tmp_path: Path) -> None:
    rng = random.Random(name)
    packets = recut.read(CAPTURES / "mms" / name)[:80]
    frames = [
        (packet.time + at, frame)
        for number, packet in enumerate(packets)
        for at, frame in enumerate(form(packet, number, "any", rng))
    ]
    places = sorted(rng.sample(range(1, len(frames)), 5))
    found = check(written(frames, places, tmp_path))
    assert len(found) == len(frames)


def written(frames: list[Any], places: list[int], folder: Path) -> list[str]:
    """Frames as one file, which is cut."""
    whole = folder / "whole.pcap"
    whole.write_bytes(build.pcap(frames, magic=build.NANO))
    return cut(whole, places, folder)


def crowd(clients: int) -> Iterator[tuple[int, Any]]:
    """The packets of a session for each of some clients, at two servers, in turns."""
    packets = recut.read(CAPTURES / "own/own_pair_udp.pcap")
    client = packets[0].src
    for number in range(clients):
        here, there = f"192.0.2.{number + 1}", f"198.51.100.{number % 2 + 1}"
        for packet in packets:
            src, dst = (here if name == client else there for name in (packet.src, packet.dst))
            if packet.src == packet.dst:
                src, dst = (here, there) if packet.dst_port == 1755 else (there, here)
            yield packet.time + 1000 * number, replace(packet, src=src, dst=dst)


def noise(count: int, begin: int) -> Iterator[tuple[int, Any]]:
    """Two connections of other hosts, one of which began before the capture."""
    for port in (40_000, 40_001):
        sent = {"203.0.113.1": 1000, "203.0.113.2": 5000}
        for number in range(port & 1 and 3, count):
            src, dst = sorted(sent, reverse=number % 2 == 1)
            words = b"GET /index.html HTTP/1.1\r\n\r\n" if number > 2 else b""
            ports = (port, 80) if number % 2 == 0 else (80, port)
            yield begin + number * 10**6, recut.Packet(
                begin, src, dst, 6, *ports, sent[src], sent[dst], (2, 0x12)[number] if number < 2
                else 0x10, words,
            )  # fmt: skip
            sent[src] += len(words) + (number < 2)


def test_other_traffic_is_not_kept_and_clients_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surveying, "_SHORT", 10)
    wanted = list(crowd(6))
    packets = sorted([*wanted, *noise(60, wanted[0][0] - 6 * 10**6)], key=lambda item: item[0])
    frames = [(time, f.ethernet(packet.datagram)) for time, packet in packets]
    paths = written(frames, [60, 150, 211], tmp_path)
    found = segments(paths)
    assert len(found) == len(wanted)
    groups = found.column("group").unique().to_pylist()
    assert len(groups) == 6
    left = ("time", "client", "server", "offset", "length", "mid")
    whole = expected(paths, ("messages", "data", "sessions"))
    for name, rows in whole.items():
        some = [column for column in left if column in rows.column_names] or ["client", "server"]
        parts = [
            pa.Table.from_batches(
                distributed.decode_sorted(
                    found.filter(pc.equal(found.column("group"), group)).to_batches(), name
                )
            )
            for group in groups
        ]
        order = [(column, "ascending") for column in some]
        made = pa.concat_tables(parts).unify_dictionaries().select(some).sort_by(order)
        assert made.to_pylist() == rows.select(some).sort_by(order).to_pylist(), name


@shared.needs_captures
@pytest.mark.parametrize("name", sorted(shared.oracle())[::16])
def test_some_public_captures_in_three_files(name: str, tmp_path: Path) -> None:
    path = shared.CAPTURES / name
    if path.stat().st_size > 2_000_000:
        pytest.skip(f"{name} is larger than 2 MB")
    count = len(records(path))
    check(cut(path, sorted({count // 3, 2 * count // 3}), tmp_path), ("messages", "flows", "data"))
