"""Every bug of the list has a test of its name."""

import re
from pathlib import Path

import pytest

from tests.trust.known_bugs import BUGS

FOLDER = Path(__file__).parent
TESTS = "\n".join(path.read_text("utf-8") for path in FOLDER.glob("test_*.py"))


@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_has_a_test(bug):
    assert re.search(rf"^def test_{bug}_\w+\(", TESTS, re.MULTILINE), BUGS[bug]


def test_the_list_is_whole():
    # section 2 of the page on trust has 14 rows
    assert len(BUGS) == 14
