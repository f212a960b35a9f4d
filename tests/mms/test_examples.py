"""The examples in the docstrings of the MMS codec and the schema are true."""

import doctest
import importlib

import pytest

MODULES = (
    "mmscodec.mms.decoding",
    "mmscodec.mms.decoder",
    "mmscodec.mms.encoding",
    "mmscodec.schema.fields",
    "mmscodec.schema.mms",
    "mmscodec.schema.values",
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_are_true(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0
    assert result.failed == 0
