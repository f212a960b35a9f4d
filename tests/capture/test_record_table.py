import gzip

import numpy as np

from mmscodec import capture
from tests.capture import build

FRAMES = build.frames(10)


def test_records_of_several_files_are_one_table():
    comment = build.option(1, b"seen")
    late = build.section() + build.interface(linktype=113) + build.interface(linktype=101)
    late += build.enhanced(FRAMES[8], number=1, options=comment) + build.enhanced(FRAMES[9])
    found = capture.records([gzip.compress(late), build.pcap(FRAMES[:8]), b""])
    assert found.rows["time"].tolist() == [time for time, _ in FRAMES]
    assert found.rows["linktype"].tolist() == [1] * 8 + [101, 113]
    assert [
        found.interfaces[number]["linktype"] for number in found.rows["interface"].tolist()
    ] == found.rows["linktype"].tolist()
    assert [(row, text) for row, _, _, text in found.comments] == [(8, "seen")]
    assert len(found.faults) == 1
    assert len(found) == len(np.asarray(found)) == 10


def test_the_table_is_documented_little_endian():
    rows = capture.records(build.pcap(FRAMES)).rows
    assert rows.dtype.itemsize == 32
    assert rows.flags.c_contiguous
    assert rows.dtype.fields["time"][0].str == "<i8"
