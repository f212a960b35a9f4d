"""What every test of the collector needs."""

import os

import pytest


@pytest.fixture(autouse=True, scope="session")
def _needed():
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    if os.name == "nt":
        pytest.skip("signals and pipes of POSIX")
