"""Every fuzz target has something to begin with, whatever files the tests are given."""

import pytest

from tools.fuzz import build, seeds


@pytest.mark.parametrize("target", build.targets())
def test_a_target_has_seeds(target):
    assert sum(map(len, seeds.of(target))) > 100


def test_files_that_are_no_captures_are_no_seeds():
    names = {path.name for path in seeds.captures()}
    assert "utf16.pcapng" not in names
    assert len(names) > 20
