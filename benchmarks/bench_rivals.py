"""mms.decode against what a Python user would write today, every output compared row by row."""

import numpy as np
import pytest

from benchmarks import corpus, rivals
from benchmarks.harness import Run
from mmscodec import mms

STREAMS = {"control": corpus.control, "media": corpus.media, "mixed": corpus.mixed}
MEGABYTE = 1 << 20
#: How much of the stream each gets, so that a round takes well under a second.
RIVALS = [
    ("NumPy only", rivals.numpy_only, 32 * MEGABYTE),
    ("struct loop", rivals.struct_loop, 8 * MEGABYTE),
    ("Kaitai Struct", rivals.kaitai_parse, 4 * MEGABYTE),
    ("construct", rivals.construct_parse, MEGABYTE // 2),
]
COLUMNS = (
    ("offset", "length", "seq"),
    ("offset", "length", "mid"),
    ("offset", "length", "location_id", "play_incarnation", "af_flags"),
)


def as_lists(batch):
    tables = (batch.packets, batch.messages, batch.data)
    return [
        np.stack([rows[name].astype(np.int64) for name in names], axis=1).tolist()
        for rows, names in zip(tables, COLUMNS)
    ]


@pytest.mark.parametrize("name", STREAMS)
def bench_rivals(contest, name):
    stream = STREAMS[name](64)
    whole = mms.decode(stream.data)
    ends = np.concatenate([rows["offset"] + rows["length"] for rows in (whole.packets, whole.data)])
    runs = [
        Run("mms.decode", lambda: mms.decode(stream.data), stream.data.nbytes, stream.rows),
    ]
    for title, parse, limit in RIVALS:
        part = stream.part(int(ends[ends <= limit].max()))
        mine = as_lists(mms.decode(part))
        theirs = [[list(map(int, row)) for row in rows] for rows in parse(part)]
        assert mine == theirs, title
        runs.append(
            Run(title, lambda parse=parse, part=part: parse(part), len(part), sum(map(len, mine)))
        )
    contest(
        f"indexing {stream.name} in Python", runs, roofs=["struct loop", "mms.decode"], rounds=5
    )
