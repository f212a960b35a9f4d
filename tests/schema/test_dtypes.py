"""Table dtypes have the layout that kernels write."""

import numpy as np
import pytest

from mmscodec.schema import dtypes

TABLES = {
    "PACKETS": (40, {"offset": 0, "first_message": 8, "time_sent": 16, "length": 24,
                     "chunk_count": 28, "message_count": 32, "seq": 36, "mbz": 38}),
    "MESSAGES": (24, {"offset": 0, "packet": 8, "length": 16, "mid": 20}),
    "DATA": (24, {"offset": 0, "length": 8, "location_id": 12, "play_incarnation": 16,
                  "af_flags": 17, "kind": 18}),
    "FAULTS": (40, {"offset": 0, "length": 8, "code": 16, "field": 18, "need": 24, "have": 32}),
    "FINDINGS": (40, {"table": 0, "severity": 1, "code": 2, "field": 4, "row": 8, "offset": 16,
                      "seen": 24, "expected": 32}),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_columns_stand_where_the_kernels_put_them(name):
    size, offsets = TABLES[name]
    dtype = getattr(dtypes, name)
    assert dtype.itemsize == size
    assert {column: dtype.fields[column][1] for column in dtype.names} == offsets
    assert all(dtype.fields[column][0].str[0] in "<|" for column in dtype.names)


@pytest.mark.parametrize("name", TABLES)
def test_capture_rows_add_time_and_flow(name):
    plain = getattr(dtypes, name)
    wide = dtypes.in_capture(plain)
    assert wide.itemsize == plain.itemsize + 16
    assert wide.fields["time"][:2] == (np.dtype("<i8"), plain.itemsize)
    assert wide.fields["flow"][:2] == (np.dtype("<i4"), plain.itemsize + 8)
    assert wide.names[: len(plain.names)] == plain.names


def test_log_is_a_nested_record_without_alignment():
    log = dtypes.ROWS["LinkViewerToMacLogging"].fields["log"][0]
    info = log.fields["info"][0]
    assert (log.itemsize, info.itemsize) == (1490, 1142)
    assert info.fields["rate"][:2] == (np.dtype("<i2"), 1104)
    assert info.fields["dw_buffering_count"][1] == 1106
    assert info.fields["sz_url"][0] == np.dtype("S260")
