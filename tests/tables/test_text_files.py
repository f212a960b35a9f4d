"""Text that a peer chose, in the JSON lines and CSV of `convert`."""

import csv
import io
import json

from mmscodec.convert.texts import csv_head, csv_lines, json_lines
from tests.tables.consumers import library

HOSTILE = [
    "=cmd|' /C calc'!A0",
    "+1",
    "-1",
    "@x",
    "\x1b[2J",
    "\u202ea",
    "a\nb",
    'q",',
    "",
    None,
    "日本",
]


def table():
    pa = library("pyarrow")
    count = len(HOSTILE)
    return pa.table(
        {
            "text": HOSTILE,
            "word": pa.array(HOSTILE, pa.string()).dictionary_encode(),
            "raw": pa.array([None, *([b"\x00=\xff"] * (count - 1))], pa.binary()),
            "time": pa.array([None, *range(count - 1)], pa.timestamp("ns", "UTC")),
            "took": pa.array([-5] * count, pa.duration("ns")),
            "list": pa.array([None, [], *[[1, None, 3]] * (count - 2)], pa.list_(pa.uint16())),
            "items": [[{"a": 1, "b": "=x"}]] * count,
            "large": pa.array([2**64 - 1] * count, pa.uint64()),
            "flag": [True, None, *[False] * (count - 2)],
            "real": [float("nan"), float("inf"), None, *[0.1] * (count - 3)],
        }
    )


def test_json_lines_are_ascii_and_say_the_same():
    for part in (table(), table().slice(2, 5)):
        text = b"".join(json_lines(part)).decode("ascii")
        rows = [json.loads(line) for line in text.splitlines()]
        assert all(32 <= ord(char) < 127 for char in text.replace("\n", ""))
        plain = part.to_pydict()
        for name in ("text", "word", "list", "items", "large", "flag"):
            assert [row[name] for row in rows] == plain[name], name
        assert [row["raw"] for row in rows] == [v and v.hex() for v in plain["raw"]]
        assert [row["took"] for row in rows] == [-5] * len(rows)
        reals = [v if v is not None and abs(v) < 1 else None for v in plain["real"]]
        assert [row["real"] for row in rows] == reals
    assert rows[0]["time"] == "1970-01-01T00:00:00.000000001Z"


def test_csv_has_no_formula_and_no_order_to_a_terminal():
    text = b"".join([csv_head(table().schema), *csv_lines(table())]).decode()
    assert "\x1b" not in text
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(rows) == len(HOSTILE)
    for row, value in zip(rows, HOSTILE, strict=True):
        for name in ("text", "word"):
            assert row[name][:1] not in ("=", "+", "-", "@")
            if value is None or (value.isprintable() and value[:1] not in ("=", "+", "-", "@")):
                assert row[name] == (value or "")
    assert rows[4]["text"] == "\\x1b[2J"
    assert rows[5]["word"] == "\\u202ea"
    assert rows[0]["text"] == "'" + HOSTILE[0]
    assert [row["list"] for row in rows[:3]] == ["", "[]", "[1,null,3]"]
    assert (rows[0]["raw"], rows[1]["raw"]) == ("", "003dff")
    assert json.loads(rows[0]["items"]) == [{"a": 1, "b": "=x"}]
