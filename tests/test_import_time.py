"""What opening a capture imports: a slow start is modules that nobody asked for.

The time itself is a ratio in `benchmarks/`; here the modules are counted, which a busy machine
does not change.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

#: Standard modules that cost milliseconds, and parts of the package that a pass does not need.
UNWANTED = {
    "asyncio", "concurrent.futures", "ctypes.util", "email", "logging", "multiprocessing", "rich",
    "socketserver", "tempfile", "urllib.request", "mmscodec.capture.filter",
    "mmscodec.sessions.analysis", "mmscodec.sessions.quality", "mmscodec.cli", "difflib",
}  # fmt: skip
CODE = """
import sys, json, numpy
before = set(sys.modules)
import mmscodec
{}
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def imported(statement):
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(statement)], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout))


@pytest.mark.parametrize(
    ("statement", "most"),
    [("", 1), ("mmscodec.mms", 40), ("mmscodec.winmx", 57), ("mmscodec.open", 108)],
)
def test_an_import_brings_what_it_needs(statement, most):
    found = imported(statement)
    assert found & UNWANTED == set()
    # ours alone: how many of the standard library are new depends on what NumPy had imported
    assert 0 < sum(name.partition(".")[0] == "mmscodec" for name in found) <= most


def test_a_command_over_a_capture_of_mms_brings_no_winmx(tmp_path):
    path = str(Path(__file__).parent / "captures" / "mms" / "vlc_udp.pcap")
    done = "from mmscodec.cli import main; main(['decode', '--json', '-w', {!r}, {!r}])"
    found = imported(done.format(str(tmp_path / "out"), path))
    unwanted = {
        "mmscodec.winmx", "mmscodec.capture.winmx", "mmscodec.schema.winmx",
        "mmscodec.mms.findings", "mmscodec.mms.encoding", "mmscodec.capture.arrow",
        "mmscodec.tables.spec", "mmscodec.capture.export", "dataclasses",
        "mmscodec.cli.sql", "decimal", "csv",
    }  # fmt: skip
    assert found & unwanted == set()
    assert 0 < sum(name.partition(".")[0] == "mmscodec" for name in found) <= 125


def test_names_of_sessions_are_there_when_asked_for():
    assert "mmscodec.sessions.analysis" in imported("import mmscodec.sessions as s; s.Sessions")
