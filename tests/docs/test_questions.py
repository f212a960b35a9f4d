"""Each of the ten questions is answered: the pages and headings that it names are there."""

import re

from tests.docs.blocks import ROOT
from tests.docs.test_site import anchors, site
from tools.docs.markdown import links

PAGE = (ROOT / "docs" / "questions.md").read_text(encoding="utf-8")
PARTS = dict(re.findall(r"^## ([^\n]+\?[^\n]*)\n\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S))

__all__ = ("site",)


def test_there_are_ten_and_each_has_an_answer_here():
    assert len(PARTS) == 10
    for question, text in PARTS.items():
        short, _, full = text.partition("\nIn full: ")
        assert "```sh" in short or "`mms.Decoder" in short, question
        assert full, question


def test_the_page_and_the_heading_of_each_answer_are_there(site):
    for question, text in PARTS.items():
        targets = links(text.partition("\nIn full: ")[2])
        assert targets, question
        for target in targets:
            place, _, anchor = target.partition("#")
            name = place if place in site else place.replace(".md", ".rst")
            assert name in site, target
            assert not anchor or anchor in anchors(site[name]), target
