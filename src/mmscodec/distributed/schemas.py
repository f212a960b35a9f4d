"""Arrow schemas of what goes from step to step."""

from __future__ import annotations

from mmscodec.convert.library import pyarrow

_pa = pyarrow()

#: One captured record of a relevant flow. `group` is what partitions are made by; within one, rows
#: are sorted by `order`, `file` and `record`.
SEGMENTS = _pa.schema(
    [
        _pa.field("group", _pa.int64(), False),
        _pa.field("order", _pa.int64(), False),
        _pa.field("file", _pa.int32(), False),
        _pa.field("record", _pa.int64(), False),
        _pa.field("time", _pa.int64(), False),
        _pa.field("link", _pa.int64(), False),
        _pa.field("length", _pa.int64(), False),
        _pa.field("frame", _pa.binary(), False),
    ]
)

#: What one file says about the whole, see `surveying.py`.
SURVEY = _pa.schema(
    [
        _pa.field("file", _pa.string(), False),
        _pa.field("first", _pa.int64(), False),
        _pa.field("kind", _pa.int8(), False),
        _pa.field("pair", _pa.int64(), False),
        _pa.field("left", _pa.int64(), False),
        _pa.field("right", _pa.int64(), False),
    ]
)
