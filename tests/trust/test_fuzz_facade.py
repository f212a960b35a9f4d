"""Inputs that a fuzzer kept as worth keeping, given to the public functions without a fuzzer."""

import zipfile

import pytest

from tools.fuzz import facade, work
from tools.fuzz.facade import seeds


def corpus(name):
    with zipfile.ZipFile(work.KEPT / f"facade_{name}.zip") as archive:
        return [archive.read(item) for item in archive.namelist()]


@pytest.mark.parametrize("name", facade.TARGETS)
def test_the_corpus_of_a_facade_target(name):
    inputs = corpus(name)
    assert len(inputs) > 10
    for data in inputs:
        facade.TARGETS[name](data)


@pytest.mark.parametrize("name", facade.TARGETS)
def test_a_facade_target_has_seeds(name):
    first = next(iter(seeds.of(name)))
    assert len(first) > 20
    facade.TARGETS[name](first)
    facade.TARGETS[name](b"")
