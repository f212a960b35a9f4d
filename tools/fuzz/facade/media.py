"""ASF: headers however damaged, and files that are put together again."""

import json
import tempfile
from pathlib import Path

import numpy as np

from mmscodec.asf import describe
from mmscodec.asf._write import PacketWriter
from mmscodec.asf.plan import plan_packets
from mmscodec.asf.write import write_file
from mmscodec.capture.dtypes import EXTENTS
from mmscodec.errors import MmsCodecError
from tools.fuzz.facade.choices import Choices


def header(data: bytes) -> None:
    """A header is refused, or described in what JSON can hold; every field lies inside of it."""
    try:
        found = describe(data)
    except MmsCodecError:
        return
    json.dumps(found.as_dict(), allow_nan=True)
    assert all(0 <= at < len(data) for at in found.fields.values())
    assert all(0 <= at <= len(data) and words for at, words in found.problems)


def file(data: bytes) -> None:
    """Packets in any order, cut and repeated, behind any header, make a file of their size."""
    choices = Choices(data)
    size, count = 1 + choices.number(2) % 2048, choices.byte() % 32
    numbers, lengths = [], []
    for _ in range(count):
        numbers.append(choices.byte())
        lengths.append(choices.number(2) % (size + 2))
    base = choices.number(2)
    try:
        described = describe(choices.rest)
    except MmsCodecError:
        return
    if described.size > len(choices.rest):
        return
    media = choices.rest[-1 - base :].ljust(size * 2, b"\x82")
    starts = np.array([number % size for number in numbers], np.int64)
    ends = np.minimum(np.array(lengths, np.int64), len(media) - starts)
    plan = plan_packets(
        np.array(numbers, np.uint32), starts, ends, np.zeros(count, np.int64),
        packet_size=size, base=0, max_fill=1 << 20,
    )  # fmt: skip
    extents = np.array([(0, len(media), 0, 0)], EXTENTS)
    writer = PacketWriter([extents], [(0, media)], size)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "file.asf")
        made = write_file(path, choices.rest, described, plan, writer)
        assert path.stat().st_size == made.size
        again = describe(path.read_bytes())
        assert again.size == described.size
        json.dumps(made.as_dict(), default=str)
