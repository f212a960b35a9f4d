"""Every example of the help does what it says: it runs, on a folder with the files it names."""

import glob
import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest

from mmscodec.cli.main import COMMANDS, EXAMPLES
from tests.cli.places import CAPTURES, furnish, run

LINES = [
    (command, line.strip())
    for command, text in EXAMPLES.items()
    for line in text.splitlines()
    if line.strip()
]
NEEDS = {
    "sql": "duckdb", "convert": "pyarrow", "collect": "pyarrow", "completion": "shtab",
    "report": "plotly",
}  # fmt: skip
#: What an example may say of the files that it is given here.
SAID = re.compile("no row is of the flows and times|there is more: the first")
SMALL = CAPTURES / "mms" / "ffmpeg_auth.pcap"  # a pipe takes it


@pytest.fixture(scope="module")
def furnished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("examples")
    furnish(folder)
    return folder


@pytest.fixture
def place(furnished, monkeypatch):
    monkeypatch.chdir(furnished)
    monkeypatch.setenv("HOME", str(furnished))
    return furnished


def compressed(source, target):
    """A zstd file, with whichever package there is."""
    found = find_spec("compression") is not None
    name = "compression.zstd" if found else "backports.zstd"
    zstd = pytest.importorskip(name, reason="no package for zstd is installed")
    target.write_bytes(zstd.compress(source.read_bytes()))


def needed(name):
    """Skips, with the reason, what this machine has no package for."""
    if name in NEEDS:
        pytest.importorskip(NEEDS[name], reason=f"{NEEDS[name]} is not installed")


def command_of(line):
    """The words of our command in an example and whether it reads a pipe."""
    line = re.split(r" {2,}|; ", line)[0]
    pipe = line.partition("| mmscodec ")[2]
    line = f"mmscodec {pipe}" if pipe else line.partition(" | ")[0]
    line = line.partition(" > ")[0]
    words = [
        str(Path(word).expanduser()) if word[:1] == "~" else word for word in shlex.split(line)
    ]
    assert words[0] == "mmscodec"
    found = [name for word in words[1:] for name in (sorted(glob.glob(word)) or [word])]
    if "--follow" in found:
        at = found.index("--idle") if "--idle" in found else len(found)
        found[at : at + 2] = ["--idle", "0.1"]
    return found, bool(pipe)


def test_each_command_has_examples_and_each_is_one_of_its_own():
    assert set(EXAMPLES) == set(COMMANDS)
    assert all(len([1 for name, _ in LINES if name == command]) > 1 for command in COMMANDS)
    assert all(f"mmscodec {command} " in line for command, line in LINES)


@pytest.mark.parametrize(("command", "line"), LINES, ids=[line[:60] for _, line in LINES])
def test_an_example_runs(place, command, line):
    needed(command)
    if ".zst" in line:
        compressed(place / "trace.pcap", place / "trace.pcapng.zst")
    if " tables/" in line and not (place / "tables").exists():
        assert run(["convert", "-o", "tables", "trace.pcap"])[0] == 0
    if command == "join" and not (place / "spool").exists():
        assert run(["scan", "-q", "--workers", "1", "-o", "spool", "trace.pcap"])[0] == 0
    for name in (".local/lib/wireshark/plugins", ".zfunc"):
        (place / name).mkdir(parents=True, exist_ok=True)
    words, pipe = command_of(line)
    if "-o" in words and "--overwrite" not in words and command in ("report", "export", "convert"):
        words.append("--overwrite")  # an example in front of this one may have written it
    query = b"from flows limit 1" if line.startswith("mmscodec sql trace.pcap") else b""
    status, out, err = run(words, SMALL.read_bytes() if pipe else query)
    assert (status, [text for text in err.splitlines() if not SAID.search(text)]) == (0, [])
    made = words[words.index("-o") + 1] if "-o" in words else "-"
    if made != "-":
        assert Path(made).exists()
    elif "-w" not in words:
        assert out
