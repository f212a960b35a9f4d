"""Figures of docs/comparison.md stand in benchmarks/README.md."""

import re

from tests.docs.blocks import ROOT

PAGE = (ROOT / "docs" / "comparison.md").read_text(encoding="utf-8")
FIGURES = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")


def test_every_figure_is_one_of_the_benchmarks():
    part = PAGE.partition("## How fast")[2].partition("## When")[0]
    figures = re.findall(r"\d+\.\d+|\d+,\d+|\d+(?= MB)", part)
    assert len(figures) > 15
    for figure in figures:
        assert re.search(rf"(?<![\d.]){re.escape(figure)}(?![\d.]\d)", FIGURES), figure
