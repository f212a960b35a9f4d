"""docs/architecture.md names files that exist, and the files do what it says."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "mmscodec"
TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
NAMES = sorted(set(re.findall(r"(?:\w+/)*\w+\.(?:pyx|pxd|py)\b", TEXT)))
#: The newcomer's questions, and a word that stands in each file that answers one.
QUESTIONS = {
    "where is a VLAN tag skipped": r"cdef int vlan\(",
    "where is a retransmission compared": r"differ",
    "where is a stream resynchronised": r"resync|believ|evidence",
    "where is WinMX recognised": r"(?i)winmx",
    "where is a fault's text made": r"def text\(",
    "which rows are made again": "mended",
}


def test_every_unit_of_the_package_stands_in_the_layers():
    layers = TEXT.partition("\n## ")[0]
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (picture,) = re.findall(r"^    kernels .*(?:\n .*)*", contributing, re.MULTILINE)
    units = [path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()]
    assert len(units) > 8
    for unit in units:
        unit = unit.lstrip("_")
        assert unit in layers, unit
        assert re.search(rf"\b{unit}\b", picture), unit


def found(name):
    return [path for path in (PACKAGE / name, ROOT / name) if path.is_file()]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_named_exists(name):
    assert found(name)


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_is_answered_by_files_that_do_it(question):
    (row,) = [line for line in TEXT.splitlines() if line.startswith(f"| {question} ")]
    names = re.findall(r"`([^`]+)`", row)
    assert names
    for name in names:
        assert re.search(QUESTIONS[question], found(name)[0].read_text(encoding="utf-8")), name
