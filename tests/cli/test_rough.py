"""Every command in rough circumstances: a sentence and a status, and nothing half-written."""

import errno
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from unittest.mock import patch

import pytest

from mmscodec.convert.library import pyarrow
from tests.cli.rough import (
    CAPTURE,
    COMMANDS,
    PRINTERS,
    READERS,
    WRITERS,
    CtrlC,
    forget,
    left,
    moments,
    narrow,
    run,
    usual,
    words_of,
)
from tests.terminal import terminal

RAW = CAPTURE.read_bytes()


@pytest.fixture(scope="module")
def well(tmp_path_factory):
    return tmp_path_factory.mktemp("well")


@pytest.fixture(autouse=True)
def heard():
    """SIGINT raises KeyboardInterrupt, also where the tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("name", COMMANDS)
def test_all_is_well(name, well):
    found = usual(name, well).well(0)
    assert found.said == ""
    assert found.out or name in WRITERS


@pytest.mark.parametrize("name", PRINTERS)
def test_a_reader_that_goes_away_at_any_byte(name, well, tmp_path):
    whole = usual(name, well).out
    for room in moments(len(whole) - 1, name, 6):
        out = narrow(room, BrokenPipeError, errno.EPIPE)
        run(words_of(name, tmp_path / "out"), out).well(0)
        assert whole.startswith(bytes(out.buffer.raw.taken))
        forget(out)
    assert left(tmp_path) == {}


@pytest.mark.parametrize("name", PRINTERS)
def test_a_disk_that_is_full_at_any_byte(name, well, tmp_path):
    whole = usual(name, well).out
    for room in moments(len(whole) - 1, name + "full", 3):
        out = narrow(room, OSError, errno.ENOSPC)
        run(words_of(name, tmp_path / "out"), out).well(1)
        forget(out)
    assert left(tmp_path) == {}


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
@pytest.mark.parametrize("name", [n for n in PRINTERS if "-o" not in COMMANDS[n]])
def test_an_output_named_dev_full(name, tmp_path):
    words = words_of(name, tmp_path / "out")
    if words[0] in ("wireshark", "completion"):
        pytest.skip("it has no -w")
    ended = run([*words, "-w", "/dev/full"]).well(1)
    assert "No space left on device" in ended.said


@pytest.mark.parametrize("name", WRITERS)
def test_a_disk_that_fills_while_files_are_written(name, well, tmp_path):
    resource = pytest.importorskip("resource", reason="this system has no limits of files")
    usual(name, well)
    sizes = [len(content) for content in left(well / name.replace(" ", "-")).values()]
    path = well / name.replace(" ", "-")
    largest = max(sizes, default=path.stat().st_size if path.is_file() else 0)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    for number, room in enumerate(moments(largest - 1, name, 3)):
        folder = tmp_path / str(number)
        folder.mkdir()
        words = words_of(name, folder / "out")
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
        try:
            ended = run(words)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        ended.well(1, 3)
        assert_whole(name, well, folder)


def assert_whole(name, well, folder):
    """Each file that is there is the one that a good run writes."""
    path = well / name.replace(" ", "-")
    wanted = {"out": path.read_bytes()} if path.is_file() else {
        f"out/{key}": value for key, value in left(path).items()
    }  # fmt: skip
    for key, content in left(folder).items():
        assert key in wanted, f"{name} left {key}"
        if name == "collect":  # which finishes what it has, and says how far it came
            if key.endswith(".json"):
                assert json.loads(content)["version"] == json.loads(wanted[key])["version"]
            else:
                assert pyarrow("parquet").read_table(folder / key).num_rows
            continue
        if not key.endswith((".parquet", "out")):  # whose bytes are not always the same
            assert content == wanted[key], f"{name} left half of {key}"
        else:
            assert len(content) >= len(wanted[key]) // 2


@pytest.mark.parametrize("name", COMMANDS)
def test_ctrl_c_at_any_moment(name, well, tmp_path):
    usual(name, well)
    (tmp_path / "first").mkdir()
    counted = CtrlC(0)
    run(words_of(name, tmp_path / "first" / "out"), signal=counted)
    heard = 0
    for number, moment in enumerate(moments(counted.calls - 9, name, 7)):
        folder = tmp_path / str(number)
        folder.mkdir()
        ended = run(words_of(name, folder / "out"), signal=CtrlC(moment)).well(0, 130)
        heard += ended.status == 130
        assert ended.status == 0 or ended.said == ""
        assert_whole(name, well, folder)
        if ended.status == 0:
            assert ended.out == usual(name, well).out or name in WRITERS
    assert heard


EARLY = """
import sys
from _thread import interrupt_main
from mmscodec.__main__ import main
left = [int(sys.argv.pop(1))]
def count(frame, event, argument):
    left[0] -= event == "call"
    if left == [0]:
        sys.setprofile(None)
        interrupt_main()
sys.setprofile(count)
sys.exit(main())
"""


@pytest.mark.parametrize("early", [2, 300, 3000, 9000])
def test_ctrl_c_while_modules_are_imported(early):
    """A process of its own: here they are imported already."""
    done = subprocess.run(
        [sys.executable, "-c", EARLY, str(early), "sessions", str(CAPTURE)],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (130, "")


@pytest.mark.parametrize("name", COMMANDS)
def test_standard_streams_that_are_closed(name, well, tmp_path, monkeypatch):
    good = usual(name, well)
    status = 1 if name in PRINTERS else 0
    ended = run(words_of(name, tmp_path / "out"), None).well(status)
    assert ended.said == ("mmscodec: standard output is closed\n" if status else "")
    assert run(words_of(name, tmp_path / "again"), stdin=None).well(0).out == good.out or (
        name in WRITERS
    )
    assert run(words_of(name, tmp_path / "third"), stdin=None).well(0).said == ""


@pytest.mark.parametrize("name", READERS)
def test_standard_input_that_is_closed_is_named(name, tmp_path):
    ended = run(words_of(name, tmp_path / "out", "-"), stdin=None).well(1)
    assert ended.said == "mmscodec: -: standard input is closed\n"
    assert left(tmp_path) == {}


#: What may stand under the name of a capture, and the statuses that it may give.
INPUTS = {
    "nothing": (None, {1}),
    "empty": (b"", {1}),
    "text": (b"no capture\n" * 99, {1}),
    "head": (RAW[:24], {0, 1}),
    "part of the head": (RAW[:11], {1}),
    "half": (RAW[: len(RAW) // 2 + 5], {0, 3}),
    "a record without its bytes": (RAW[: 24 + 16], {1, 2, 3}),
    "noise behind the head": (RAW[:24] + bytes(range(1, 256)) * 40, {1, 2, 3}),
}


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("name", READERS)
def test_files_that_are_no_whole_captures(name, kind, tmp_path):
    content, statuses = INPUTS[kind]
    path = tmp_path / "in.pcap"
    if content is not None:
        path.write_bytes(content)
    ended = run(words_of(name, tmp_path / "out", path))
    if name.startswith("explain"):
        statuses = statuses | {0, 2}  # it shows a place, or says that there is none
    ended.well(*statuses)
    assert ended.said or ended.status == 0
    if ended.status == 1:
        assert not [key for key in left(tmp_path) if key != "in.pcap"]
    assert not [key for key in left(tmp_path) if "part" in key.replace("part-0", "")]


@pytest.mark.parametrize("name", READERS)
def test_paths_that_cannot_be_read(name, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    wrong = [
        tmp_path / "folder",
        tmp_path / "loop",
        tmp_path / ("x" * 300),
        "a\0b",
        "",
        "/dev/null",
    ]
    for path in wrong:
        ended = run(words_of(name, tmp_path / "out", path)).well(1)
        assert ended.said.startswith("mmscodec: ")
    assert left(tmp_path) == {}


@pytest.mark.parametrize("name", WRITERS)
def test_places_that_cannot_be_written(name, tmp_path):
    (tmp_path / "file").write_text("mine")
    for place in (
        Path("/dev/null/no"),
        tmp_path / "file" / "below",
        tmp_path / ("x" * 300),
    ):
        run(words_of(name, place)).well(1)
        assert left(tmp_path) == {"file": b"mine"}


@pytest.mark.parametrize("name", [n for n in WRITERS if n not in ("decode file", "wireshark file")])
def test_what_is_there_stays_unless_it_may_be_replaced(name, well, tmp_path):
    out = tmp_path / "out"
    run(words_of(name, out)).well(0)
    before = left(tmp_path)
    if name not in ("sql parquet", "collect"):  # which has read it to its end
        ended = run(words_of(name, out)).well(1)
        assert "exist" in ended.said
        assert left(tmp_path) == before
        run([*words_of(name, out), "--overwrite"]).well(0)
    else:
        run(words_of(name, out)).well(0)
    assert set(left(tmp_path)) == set(before)
    assert_whole(name, well, tmp_path)


@pytest.mark.parametrize("width", [1, 20, 80])
@pytest.mark.parametrize("name", [n for n in PRINTERS if "pipe" not in n])
def test_terminals_of_any_width(name, width, tmp_path, monkeypatch, capsys):
    from mmscodec.cli import main
    from mmscodec.cli.cells import cell_len

    words = words_of(name, tmp_path / "out")
    terminal(monkeypatch, width)
    assert main(words) == 0
    out, err = capsys.readouterr()
    assert out
    assert err == ""
    if name in ("decode", "explain", "sql"):
        assert max(cell_len(line) for line in out.splitlines()) <= width


NUMBERS = ["-1", "0x", "1e3", "", " ", "\u0664", "9" * 5000, "nan", "1.5", "--"]
#: One command each: test_matrix.py sees that an option takes the same everywhere.
OPTIONS = {
    "--limit": "sql", "--port": "decode", "--threads": "stats", "--idle": "export",
    "--flow": "convert", "--session": "extract", "--frame": "explain json", "--at": "explain",
    "--rates": "sessions", "--from": "decode csv", "--to": "report",
}  # fmt: skip
WITH_SESSIONS = ("sessions", "report", "extract", "export")
FINE = {("--idle", "1e3"), ("--idle", "1.5"), ("--rates", "1e3"), ("--rates", "1.5"),
        ("--from", "-1"), ("--from", "1e3"), ("--from", "1.5"), ("--to", "-1"), ("--to", "1e3"),
        ("--to", "1.5")}  # fmt: skip


@pytest.mark.parametrize("option", OPTIONS)
def test_wrong_numbers_are_wrong_usage(option, tmp_path):
    for number in NUMBERS:
        if (option, number) not in FINE:
            words = words_of(OPTIONS[option], tmp_path / "out")
            ended = run([*words, f"{option}={number}"]).well(2)
            assert option in ended.said
    assert left(tmp_path) == {}


@pytest.mark.parametrize("name", READERS)
def test_numbers_that_nothing_has(name, tmp_path):
    most = str((1 << 63) - 1)
    options = ["--flow", most, "--from", "8589934592"]
    if COMMANDS[name][0] in WITH_SESSIONS:
        options += ["--session", most]
    for number, at in enumerate(range(0, len(options), 2)):
        words = words_of(name, tmp_path / str(number))
        run([*words, *options[at : at + 2]]).well(0, 1, 2)


def test_ctrl_c_inside_of_a_destructor_is_not_forgotten():
    class Destroyed:
        def __del__(self):
            signal.raise_signal(signal.SIGINT)

    def command(arguments):
        Destroyed()
        threading.Event().wait(20)
        return 0

    with patch("mmscodec.cli.main", command):
        assert run(["decode"]).well(130).said == ""
