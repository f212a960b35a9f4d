"""Every decision says what the situation was, what was decided and what follows; links lead on."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "decisions"
PAGES = sorted(FOLDER.glob("0*.md"))
INDEX = (FOLDER / "README.md").read_text(encoding="utf-8")
PATH = re.compile(r"`((?:[\w.]+/)*\w+\.(?:pyx|pxd|py|h|md))`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name[:4])
def test_a_decision_has_its_headings_and_stands_in_the_index(page):
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"# {page.name[:4]}: ")
    for heading in ("Context", "Decision", "Consequence"):
        assert re.search(rf"^\*\*{heading}(: \w+)?\.\*\*", text, re.MULTILINE), heading
    assert f"({page.name})" in INDEX
    assert len(text.splitlines()) < 60


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name[:4])
def test_files_that_a_decision_names_are_there(page):
    for name in PATH.findall(page.read_text(encoding="utf-8")):
        found = [
            root / name
            for root in (ROOT, ROOT / "src/mmscodec", ROOT / "src/mmscodec/_kernels/mms")
        ]
        assert any(path.exists() for path in found), name


def test_the_index_explains_every_gap_in_the_numbers():
    listed = re.findall(r"^\| \[(\d{4})\]", INDEX, re.MULTILINE)
    assert listed == [page.name[:4] for page in PAGES]
    groups = [(int(a), int(b)) for a, b in re.findall(r"(\d{4}) to (\d{4})", INDEX)]
    assert groups == sorted(groups)
    for number in map(int, listed):
        assert any(first <= number <= last for first, last in groups), number
