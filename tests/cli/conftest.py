"""What the tests of the command line share."""

import pytest


@pytest.fixture(autouse=True)
def no_width_from_outside(monkeypatch):
    """$COLUMNS means what it does for a user, and some ways to run tests set it."""
    monkeypatch.delenv("COLUMNS", raising=False)
