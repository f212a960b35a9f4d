"""The libraries that take tables; a test that needs one says so when it is missing."""

import importlib
from functools import cache
from pathlib import Path

import pytest

import mmscodec

CAPTURES = Path(__file__).resolve().parent.parent / "captures"
#: One of each kind: Data over UDP, over TCP, tokens, WinMX links, IPv6, faults, gaps.
CHOSEN = (
    "mms/ffmpeg_ipv6.pcapng", "own/own_ntlm.pcap", "own/own_lost_middle.pcap", "winmx/chat.pcap",
)  # fmt: skip


def every_capture():
    """Names of all capture files of the tests; some of those called so are none."""
    found = []
    for path in sorted(CAPTURES.rglob("*.pcap*")):
        try:
            mmscodec.open(path).close()
        except mmscodec.errors.CaptureError:
            continue
        found.append(path.relative_to(CAPTURES).as_posix())
    assert len(found) > 50
    return found


@cache
def capture(name):
    return mmscodec.open(CAPTURES / name)


def library(name):
    """A module, or the reason why the test is skipped."""
    try:
        return importlib.import_module(name)
    except ImportError:
        pytest.skip(f"{name} is not installed")


def integers(column):
    """Timestamps and durations of an Arrow column as integers, dictionaries as their values."""
    pa = library("pyarrow")
    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_duration(kind):
        column = column.cast(pa.int64())
    return column.to_pylist()
