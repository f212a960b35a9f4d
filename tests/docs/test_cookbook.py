"""The recipes of docs/cookbook.md in pandas and Polars give what the views give."""

import math
import re

import numpy as np
import pytest

import mmscodec
from mmscodec.sql.views import VIEWS
from tests.docs.blocks import ROOT
from tests.docs.sandbox import OWN
from tests.tables.consumers import CAPTURES, library

PAGE = (ROOT / "docs" / "cookbook.md").read_text(encoding="utf-8")
PARTS = {
    part.partition("\n")[0].lower().replace(" ", "_"): re.findall(
        r"```python\n(.*?)```", part, re.S
    )
    for part in re.split(r"^## ", PAGE, flags=re.M)
}
(BEGIN,) = next(iter(PARTS.values()))
FILES = {
    "own": sorted(OWN.glob("*.pcap")),
    "players": sorted((CAPTURES / "mms").glob("*.pcap*")),
    "secondary": CAPTURES / "winmx/secondary.pcap",
    "winmx": sorted((CAPTURES / "winmx").glob("*.pcap")),
    "checksum": CAPTURES / "cases/bad-checksum-then-good.pcap",
    "silent": CAPTURES / "cases/syn-without-answer.pcap",
}  # fmt: skip


def plain(value):
    """A value as it is compared: times as nanoseconds, nothing as None."""
    if str(value) in ("<NA>", "NaT", "None", "nan"):
        return None
    if hasattr(value, "value") and hasattr(value, "tz"):  # a timestamp of pandas
        return int(value.value)
    if isinstance(value, float | np.floating):
        return float(f"{value:.9g}")
    return value.item() if isinstance(value, np.generic) else value


def in_microseconds(columns):
    """An INTERVAL of DuckDB has microseconds: what is smaller is cut off, and so it is here."""
    return columns | {
        name: [math.floor(value * scale + 1e-4) / scale for value in columns[name]]
        for name, scale in (("seconds", 1e6), ("ms", 1e3))
        if name in columns
    }


def rows(columns):
    """Rows of a dict of lists, in an order of their own: views sort, ties do not count."""
    table = [tuple(map(plain, row)) for row in zip(*columns.values(), strict=True)]
    return list(columns), sorted(table, key=repr)


def listed(answer):
    """An answer as a dict of lists."""
    pandas = library("pandas")
    if not isinstance(answer, pandas.DataFrame):
        answer = answer.to_pandas()
    return {name: list(answer[name].astype(object)) for name in answer.columns}


def viewed(cap, view):
    """The rows of a view."""
    from mmscodec.sql import Database

    database = Database(cap)
    database.query(f"from {view}")
    return listed(database.connection.sql(f"from {view}").pl())


def test_every_view_has_a_recipe_in_both():
    assert set(PARTS) - set(VIEWS) == {next(iter(PARTS))}
    assert all(len(PARTS[view]) == 2 for view in VIEWS)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("files", FILES)
def test_a_recipe_gives_what_the_view_gives(view, files):
    for name in ("duckdb", "pandas", "polars", "pyarrow"):
        library(name)
    names = {"FILES": FILES[files]}
    exec(BEGIN.replace('"trace.pcap"', "FILES"), names)
    wanted = rows(viewed(names["cap"], view))
    for recipe in PARTS[view]:
        exec(recipe, names)
        assert rows(in_microseconds(listed(names["answer"]))) == wanted


def test_each_view_has_rows_in_some_capture():
    for view in VIEWS:
        library("duckdb")
        assert any(viewed(mmscodec.open(paths), view) for paths in FILES.values()), view
