"""A folder of rotated capture files of any size: many sessions at once, MMS and WinMX.

    python -m benchmarks.capture_set FOLDER --megabytes 64 [--rotate 8] [--other 0.5] [--flow 256]

Sessions are copies of real ones (tests/captures) between other addresses, begun one after another,
so that several are open at any time and most rotations cut some. Checksums are those of the
originals.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.capture_corpus import HEADERS, PING, media, records
from tests.capture.build import NANO, pcap_header, pcap_record
from tests.capture.recut import records as read_records

CAPTURES = Path(__file__).resolve().parents[1] / "tests" / "captures"
#: TCP and UDP, a playlist, lost datagrams, two WinMX connections.
TEMPLATES = (
    "mms/libmms_tcp.pcap", "mms/ffmpeg_tcp.pcap", "mms/vlc_udp.pcap", "mms/libmms_playlist.pcap",
    "own/own_lost_middle.pcap", "own/own_ntlm.pcap", "winmx/chat.pcap", "winmx/secondary.pcap",
)  # fmt: skip
ADDRESS = "127.0.0.1".encode("utf-16-le")  # of both peers of all templates
START = 1_700_000_000 * 10**9
AT_ONCE = 24  # sessions that are open at a time
APART = 25_000_000  # ns between the starts of two


@dataclass(frozen=True)
class Template:
    """Records of one session: their bytes with headers, where each begins, when each was."""

    raw: np.ndarray
    starts: np.ndarray
    times: np.ndarray  # ns after the first
    named: np.ndarray  # where messages name the address

    def copy(self, number: int) -> np.ndarray:
        """The bytes with both addresses replaced by one of the same length as text."""
        raw = self.raw.copy()
        number %= 100_000  # then the same addresses come again, much later
        parts = 100 + number // 1000, number // 100 % 10, number // 10 % 10, number % 10
        for at in (16 + 26, 16 + 30):
            raw[(self.starts + at)[:, None] + np.arange(4)] = np.array(parts, np.uint8)
        text = np.frombuffer(".".join(map(str, parts)).encode("utf-16-le"), np.uint8)
        raw[self.named[:, None] + np.arange(len(text))] = text
        return raw


def template(path: Path) -> Template:
    """A capture of Ethernet and IPv4 as a template."""
    frames = [(time, frame) for _, time, frame in read_records(path.read_bytes())]
    return _template(frames)


def _template(frames: list[tuple[int, bytes]]) -> Template:
    made = [pcap_record(frame, magic=NANO) for frame in frames]
    starts = np.cumsum([0, *map(len, made[:-1])])
    times = np.array([time for time, _ in frames], np.int64)
    raw = b"".join(made)
    named = [found.start() for found in re.finditer(re.escape(ADDRESS), raw)]
    array = np.frombuffer(raw, np.uint8)
    return Template(array, starts, times - times[0], np.array(named, np.int64))


def other_template() -> Template:
    """A connection of no known protocol: 200 segments."""
    body = np.full((200, 1400), 0x2E, np.uint8)
    seq = 1 + 1400 * np.arange(200)
    syn = records(np.zeros(1, np.int64), np.zeros(1), 2, body[:1, :0], 0).tobytes()
    rows = records(np.zeros(200, np.int64), seq, 16, body, 1)
    frames = [(0, syn[16:])] + [
        (4_000_000 * (i + 1), row[16:].tobytes()) for i, row in enumerate(rows)
    ]
    return _template(frames)


def sessions(templates: list[Template], seed: int) -> Iterator[tuple[int, Template, int]]:
    """(number, template, start) of one session after the other, without end."""
    rng, number = np.random.default_rng(seed), 0
    while True:
        for index in rng.permutation(len(templates)):
            yield number, templates[index], START + number * APART
            number += 1


def in_order(templates: list[Template], seed: int) -> Iterator[bytes]:
    """Records by time; those of a block of sessions, which overlap with the next block's."""
    waiting: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = []
    for number, one, start in sessions(templates, seed):
        times = one.times + start
        raw = one.copy(number)
        ends = np.append(one.starts[1:], len(raw))
        stamp = np.stack([times // 10**9, times % 10**9], axis=1).astype("<u4").view(np.uint8)
        raw[one.starts[:, None] + np.arange(8)] = stamp
        waiting.append((times, raw, one.starts, ends))
        if number % AT_ONCE == AT_ONCE - 1:
            # what is earlier than every later session is settled
            yield from _settled(waiting, start)


def _settled(waiting: list, before: int) -> Iterator[bytes]:
    times = np.concatenate([item[0] for item in waiting])
    owner = np.repeat(np.arange(len(waiting)), [len(item[0]) for item in waiting])
    within = np.concatenate([np.arange(len(item[0])) for item in waiting])
    due = np.flatnonzero(times < before)
    for i in due[np.argsort(times[due], kind="stable")]:
        _, raw, starts, ends = waiting[owner[i]]
        yield raw[starts[within[i]] : ends[within[i]]].tobytes()
    left = []
    for times, raw, starts, ends in waiting:
        keep = times >= before
        if keep.any():
            left.append((times[keep], raw, starts[keep], ends[keep]))
    waiting[:] = left


def rotated(folder: Path, items: Iterable[bytes], size: int, rotate: int, name: str) -> list[Path]:
    """Write records into files of at most `rotate` bytes, `size` bytes in all."""
    folder.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    file, held, total = None, 0, 0
    for item in items:
        if file is None or held + len(item) > rotate:
            if file is not None:
                file.close()
            paths.append(folder / f"{name}{len(paths):05}.pcap")
            file, held = paths[-1].open("wb"), 24
            file.write(pcap_header(magic=NANO))
        file.write(item)
        held += len(item)
        total += len(item)
        if total >= size:
            break
    if file is not None:
        file.close()
    return paths


def write_set(
    folder: Path, megabytes: float, *, rotate: float = 64, other: float = 0, seed: int = 1
) -> list[Path]:
    """Files of at most `rotate` MB, `megabytes` in all.

    `other` is the part of connections that speak no known protocol. The same seed gives the same
    files; a larger set begins with the smaller one.
    """
    templates = [template(CAPTURES / name) for name in TEMPLATES]
    if other:
        count = round(len(templates) * other / (1 - other))
        templates += [other_template()] * count
    items = in_order(templates, seed)
    return rotated(folder, items, int(megabytes * 1e6), int(rotate * 1e6), "set")


def one_flow(packet: int) -> Iterator[bytes]:
    """A connection whose server never stops: SYN, a Ping, Data packets of `packet` bytes."""
    flow, empty = np.zeros(1, np.int64), np.zeros((1, 0), np.uint8)
    yield records(flow, np.zeros(1), 2, empty, 0).tobytes()
    yield records(flow, np.ones(1), 24, np.frombuffer(PING, np.uint8)[None], 1).tobytes()
    at, step = 0, 4096
    while True:
        seq = (1 + len(PING) + (at + np.arange(step)) * packet) & 0xFFFFFFFF
        rows = records(np.zeros(step, np.int64), seq, 16, media(at, step, packet), at + 2)
        raw = rows.tobytes()
        for i in range(step):
            yield raw[i * (HEADERS + packet) : (i + 1) * (HEADERS + packet)]
        at += step


def write_flow(
    folder: Path, megabytes: float, *, rotate: float = 64, packet: int = 1400
) -> list[Path]:
    """The same of one flow alone, of `megabytes`."""
    items = one_flow(packet)
    return rotated(folder, items, int(megabytes * 1e6), int(rotate * 1e6), "flow")


def main() -> int:
    """Write what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.capture_set", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--megabytes", type=float, default=64)
    parser.add_argument("--rotate", type=float, default=64, help="MB a file")
    parser.add_argument("--other", type=float, default=0, help="part of other connections")
    parser.add_argument("--flow", type=float, default=0, help="MB of one flow beside them")
    parser.add_argument("--seed", type=int, default=1)
    words = parser.parse_args()
    made = []
    if words.megabytes:
        made += write_set(words.folder, words.megabytes, rotate=words.rotate, other=words.other,
                          seed=words.seed)  # fmt: skip
    if words.flow:
        made += write_flow(words.folder, words.flow, rotate=words.rotate)
    print(f"{len(made)} files, {sum(path.stat().st_size for path in made):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
