"""Each of the ten questions is answered: the pages and headings that it names are there."""

import re

from tests.docs.blocks import ROOT
from tests.docs.test_site import anchors, site
from tools.docs.markdown import links

PAGE = (ROOT / "docs" / "questions.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| [a-z][^|]*\| ([^|]+\?[^|]*?) \| (.+?) \| (.+?) \|$", PAGE, re.M)

__all__ = ("site",)


def test_there_are_ten_and_each_has_a_short_answer():
    assert len(ROWS) == 10
    assert all(short.strip() for _, short, _ in ROWS)


def test_the_page_and_the_heading_of_each_answer_are_there(site):
    for question, _, full in ROWS:
        targets = links(full)
        assert targets, question
        for target in targets:
            place, _, anchor = target.partition("#")
            name = place if place in site else place.replace(".md", ".rst")
            assert name in site, target
            assert not anchor or anchor in anchors(site[name]), target
