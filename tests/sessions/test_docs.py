"""docs/sessions.md names every column and meaning that the code has."""

import re
from pathlib import Path

from mmscodec.sessions import EXCHANGES, PARTIAL, SESSIONS, STATES, TRANSITIONS
from mmscodec.sessions.metadata import END_REASONS

PAGE = (Path(__file__).parents[2] / "docs" / "sessions.md").read_text(encoding="utf-8")
WORDS = set(re.findall(r"\w+", PAGE))


def test_every_column_is_explained():
    for dtype in (SESSIONS, EXCHANGES, TRANSITIONS):
        assert set(dtype.names) <= WORDS


def test_codes_are_explained_with_their_numbers():
    for bit in PARTIAL:
        assert re.search(rf"\b{bit} \w", PAGE)
    for number, name in STATES.items():
        assert f"{number} {'none' if name == '-' else name}" in PAGE
    assert len(END_REASONS) == 7
