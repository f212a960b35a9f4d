"""What a new user met: text in every script, times, flows, secrets, files that exist, progress."""

import io
import json
import re

import numpy as np
import pytest

import mmscodec
from mmscodec.cli import cells, main
from mmscodec.cli.choice import moment
from mmscodec.cli.output import columns
from mmscodec.cli.progress import Silent
from mmscodec.cli.width import fitted
from tests.capture.truth import FOLDER
from tests.cli.fake import FakeCapture
from tests.terminal import terminal

CAPTURE = FOLDER / "ffmpeg_tcp.pcap"
WIDE = "東京放送.asf"


@pytest.fixture(params=["rich", "plain"])
def widths(request, monkeypatch):
    """With the library and without it."""
    if request.param == "rich":
        pytest.importorskip("rich", reason="rich is not installed")
    else:
        monkeypatch.setattr(cells, "_library", lambda: None)


def run(capsys, *words):
    status = main([str(word) for word in words])
    out, err = capsys.readouterr()
    return status, out, err


@pytest.mark.usefixtures("widths")
def test_columns_are_aligned_whatever_the_script():
    lines = columns([(WIDE, "x"), ("a.asf", "y"), ("e\u0301.asf", "z")], ("file", "mark"))
    starts = {cells.cell_len(line[: line.index(mark)]) for line, mark in zip(lines[1:], "xyz")}
    assert starts == {14}
    narrow = fitted([(WIDE, "x")], ("file", "mark"), 14, {"file": 4})
    assert all(cells.cell_len(line) <= 14 for line in narrow)
    assert narrow[1].endswith("x")


@pytest.mark.usefixtures("widths")
@pytest.mark.parametrize("size", range(1, 14))
def test_text_is_cut_to_columns(size):
    assert cells.cell_len(cells.cut(WIDE, size)) <= size


def test_lines_of_the_table_fit_the_terminal_in_every_script(monkeypatch, capsys):
    fake = FakeCapture()
    fake.message("LinkViewerToMacOpenFile", file_name=WIDE * 20)
    monkeypatch.setattr(mmscodec, "open", lambda path, **_: fake, raising=False)
    terminal(monkeypatch, 80)
    _, out, _ = run(capsys, "decode", "x.pcap")
    assert max(cells.cell_len(line) for line in out.splitlines()) <= 80
    _, out, _ = run(capsys, "decode", "--whole", "x.pcap")
    assert WIDE * 20 in out


def test_secrets_are_printed_whole_when_asked_for(monkeypatch, capsys):
    token = bytes(range(200))
    fake = FakeCapture()
    fake.message("LinkViewerToMacOpenFile", file_name="a.asf", token_data=token)
    monkeypatch.setattr(mmscodec, "open", lambda path, **_: fake, raising=False)
    _, out, _ = run(capsys, "decode", "--show-secrets", "x.pcap")
    assert token.hex() in out
    _, out, _ = run(capsys, "decode", "x.pcap")
    assert token.hex()[:16] not in out


def test_text_of_8_bits_is_in_the_encoding_that_was_named(monkeypatch, capsys):
    fake = FakeCapture()
    fake.message("LinkMacToViewerReportOpenFile", 1, hr=0, file_attributes=0)
    from mmscodec.lines.fields import ansi

    assert ansi("日本".encode("cp932") + b"\0rest", "cp932") == "日本"
    assert ansi(b"\xff\xfe", "utf-8") == r"\xff\xfe"
    with pytest.raises(SystemExit) as exit:
        main(["decode", "--charset", "klingon", str(CAPTURE)])
    assert exit.value.code == 2
    assert "no encoding is called 'klingon'" in capsys.readouterr().err


def test_one_form_of_time_in_every_output(capsys, monkeypatch):
    form = re.compile(r"2026-11-21T00:06:07\.791\d{6}Z\b")
    for words in (["decode"], ["decode", "--json"], ["decode", "--csv"], ["sessions"], ["stats"],
                  ["sessions", "--table"]):  # fmt: skip
        for width in (0, 80):
            with monkeypatch.context() as patch:
                if width:
                    terminal(patch, width)
                _, out, _ = run(capsys, *words, CAPTURE)
            assert form.search(out), (words, width)


def test_names_of_files_are_not_cut_in_a_narrow_terminal(capsys, monkeypatch):
    terminal(monkeypatch, 80)
    _, out, _ = run(capsys, "sessions", "--table", FOLDER)
    with mmscodec.open(FOLDER) as capture:
        names = {capture.session(i).file_name for i in range(len(capture.sessions))}
    assert {name for name in names if name not in out} == set()


@pytest.mark.parametrize("command", ["decode", "stats", "sessions"])
def test_files_and_pipes_get_whole_lines_whatever_the_terminal(command, capsys, monkeypatch):
    _, whole, _ = run(capsys, command, CAPTURE)
    monkeypatch.setenv("COLUMNS", "40")
    _, out, _ = run(capsys, command, CAPTURE)
    assert out == whole


def test_an_output_that_cannot_be_written_is_named_as_it_was_given(tmp_path, capsys):
    for wrong in (tmp_path / "none" / "rows", tmp_path):
        status, out, err = run(capsys, "decode", "-w", wrong, CAPTURE)
        assert (status, out) == (1, "")
        assert err.startswith(f"mmscodec: {wrong}: ")
    assert list(tmp_path.iterdir()) == []


def test_what_was_asked_for_and_is_not_there_is_no_lack_of_traffic(capsys):
    for words in (["--flow", "99"], ["--from", "1000"]):
        _, _, err = run(capsys, "decode", *words, CAPTURE)
        assert err == "mmscodec: no row is of the flows and times that were asked for\n"


@pytest.mark.parametrize("word", ["-1", "65536", "x", "\u0664"])
def test_a_port_is_a_number_of_16_bits(word, capsys):
    with pytest.raises(SystemExit) as exit:
        main(["decode", f"--port={word}", str(CAPTURE)])
    assert exit.value.code == 2
    assert "a port from 0 to 65535 is needed" in capsys.readouterr().err


@pytest.mark.parametrize("word", ["-1", "0", "x", "1.5"])
def test_a_limit_is_a_number_from_1_on(word, capsys):
    with pytest.raises(SystemExit) as exit:
        main(["decode", f"--limit={word}", str(CAPTURE)])
    assert exit.value.code == 2
    assert "a number from 1 on is needed" in capsys.readouterr().err


def test_damage_says_which_flow_it_is_in(tmp_path, capsys):
    raw = bytearray(CAPTURE.read_bytes())
    at = raw.index(bytes.fromhex("cefa0bb0"))  # session id of the first message
    raw[at + 4] ^= 0x40  # its message length
    (tmp_path / "bad.pcap").write_bytes(raw)
    status, _, err = run(capsys, "decode", tmp_path / "bad.pcap")
    assert status == 3
    lines = err.splitlines()[1:]
    assert lines
    ends = r"127\.0\.0\.1:\d+ > 127\.0\.0\.1:\d+"
    assert all(re.match(rf"mmscodec:   flow \d+ {ends} 0x", line) for line in lines)


def test_files_that_exist_stay_unless_they_may_be_replaced(tmp_path, capsys):
    status, out, _ = run(capsys, "extract", "-o", tmp_path, CAPTURE)
    assert status == 0
    (file,) = tmp_path.iterdir()
    good = file.read_bytes()
    file.write_bytes(b"mine")
    status, out, err = run(capsys, "extract", "-o", tmp_path, CAPTURE)
    assert (status, out) == (1, "")
    assert f"{file} exists; --overwrite replaces it" in err
    assert file.read_bytes() == b"mine"
    status, out, err = run(capsys, "extract", "--overwrite", "-o", tmp_path, CAPTURE)
    assert status == 0
    assert file.read_bytes() == good


def test_a_later_file_of_a_playlist_is_not_replaced_either(tmp_path, capsys):
    later = tmp_path / "0000-sample-2.asf"
    later.write_bytes(b"mine")
    status, _, err = run(capsys, "extract", "-o", tmp_path, FOLDER / "libmms_playlist.pcap")
    assert status == 1
    assert str(later) in err
    assert [path.name for path in tmp_path.iterdir()] == [later.name]


class Bar(Silent):
    """Remembers what it was told."""

    def __init__(self):
        self.totals, self.done = [], []

    def start(self, words, total=None):
        self.totals.append(total)

    def add(self, count):
        self.done.append(count)


@pytest.mark.parametrize("command", ["decode", "stats", "sessions", "extract"])
def test_progress_knows_the_whole_and_moves(command, tmp_path, capsys, monkeypatch):
    bar = Bar()
    monkeypatch.setattr(f"mmscodec.cli.{command}.progress", lambda quiet: bar)
    more = ["-o", tmp_path] if command == "extract" else []
    run(capsys, command, *more, CAPTURE)
    assert bar.totals[0] == CAPTURE.stat().st_size
    assert bar.done
    assert 0 < bar.done[0] <= bar.totals[0]


def test_progress_adds_up_over_files_side_by_side(tmp_path):
    files = sorted(FOLDER.glob("*.pcap"))
    steps: list[int] = []
    with mmscodec.open(files, progress=steps.append) as capture:
        whole = capture.size
        assert whole == sum(file.stat().st_size for file in files)
        len(capture.messages)
    assert all(step > 0 for step in steps)
    assert 0.5 * whole < sum(steps) <= whole


def test_what_cannot_know_its_size_says_so(tmp_path):
    import gzip

    (tmp_path / "a.pcap.gz").write_bytes(gzip.compress(CAPTURE.read_bytes()))
    with mmscodec.open(tmp_path / "a.pcap.gz") as capture:
        assert capture.size is None


@pytest.mark.parametrize(
    ("word", "ns", "relative"),
    [
        ("0", 0, True),
        ("2.5", 2_500_000_000, True),
        ("2026-11-21T00:06:07.791932001Z", 1_795_219_567_791_932_001, False),
        ("2026-11-21 01:06:07+01:00", 1_795_219_567_000_000_000, False),
        ("2026-11-21", 1_795_219_200_000_000_000, False),
    ],
)
def test_moments(word, ns, relative):
    found = moment(word)
    assert (found.ns, found.relative) == (ns, relative)


@pytest.mark.parametrize(
    "word", ["soon", "nan", "inf", "2026-13-01", "1e99", "2026-11-21T00:00:00."]
)
def test_no_moments(word, capsys):
    with pytest.raises(SystemExit) as exit:
        main(["decode", "--from", word, str(CAPTURE)])
    assert exit.value.code == 2
    assert "no time" in capsys.readouterr().err


def rows_of(capsys, *words):
    _, out, _ = run(capsys, "decode", "--json", *words, CAPTURE)
    return [json.loads(line) for line in out.splitlines()]


def test_rows_are_chosen_by_time_and_flow(capsys):
    everything = rows_of(capsys)
    first = everything[0]["time_ns"]
    middle = [r for r in everything if 1_000_000 <= r["time_ns"] - first <= 5_000_000]
    assert 0 < len(middle) < len(everything)
    assert rows_of(capsys, "--from", "0.001", "--to", "0.005") == middle
    since = everything[len(everything) // 2]["time"]
    later = [r for r in everything if r["time"] >= since]
    assert rows_of(capsys, "--from", since) == later
    mine = rows_of(capsys, "--flow", "0")
    # those of the other flow are not named in the rows of this one
    assert mine == [r for r in everything if r["flow"] == 0]
    _, out, _ = run(capsys, "stats", "--json", "--flow", "0", CAPTURE)
    assert sum(json.loads(out)["messages"].values()) == len(mine)
    _, out, _ = run(capsys, "sessions", "--json", "--from", "2030-01-01", CAPTURE)
    assert out == ""


WINMX = FOLDER.parent / "winmx" / "secondary.pcap"


def test_the_capture_of_another_protocol_is_not_empty():
    with mmscodec.open(WINMX) as capture:
        found = re.findall(r"(\d+) (WinMX packets|nodes)", repr(capture))
        assert found == [
            (str(len(capture.winmx.packets)), "WinMX packets"), (str(len(capture.nodes)), "nodes"),
        ]  # fmt: skip
        assert len(capture.winmx.packets)


def damaged_winmx(tmp_path):
    """The server's key block stays; the last frame ends inside its fields."""
    for file in sorted(WINMX.parent.glob("*.pcap")):
        with mmscodec.open(file) as capture:
            if len(capture.winmx.faults):
                return file
    return None


def test_winmx_faults_stand_with_the_others(tmp_path, capsys):
    file = damaged_winmx(tmp_path)
    assert file is not None, "no WinMX capture here has a fault"
    with mmscodec.open(file) as capture:
        own = np.asarray(capture.winmx.faults)
        count = len(capture._pass_faults)
        assert len(capture.faults) == count + len(own)
        joined = np.asarray(capture.faults)
        shared = list(joined.dtype.names)  # those of WinMX also name their packet
        assert joined[count:].tolist() == own[shared].tolist()
        assert len(capture.faults.text()) == len(capture.faults)
        by_flow = capture.flows["faults"]
        assert int(by_flow.sum()) == int((capture.faults["flow"] >= 0).sum())
        whole = sorted(capture.faults.text())
    with mmscodec.open(file) as capture:
        batched = [line for batch in capture.iter_batches(4) for line in batch.faults.text()]
    assert sorted(batched) == whole
    status, out, err = run(capsys, "decode", "--json", file)
    assert status == 3
    rows = [json.loads(line) for line in out.splitlines()]
    assert sum(row["type"] == "fault" for row in rows) == len(whole)
    assert f"damaged in {len(whole)} place" in err


def test_a_path_that_is_not_there_is_file_not_found(tmp_path):
    for wrong in (tmp_path / "none.pcap", str(tmp_path / "none.pcap"), [tmp_path / "none.pcap"]):
        with pytest.raises(FileNotFoundError) as caught:
            mmscodec.open(wrong)
        assert caught.value.filename == str(tmp_path / "none.pcap")
    with pytest.raises(FileNotFoundError):
        mmscodec.open("a\0b")


def test_the_version_is_said_without_numpy():
    import subprocess
    import sys

    code = (
        "import sys; sys.modules['numpy'] = None\n"
        "from mmscodec.cli import main\n"
        "main(['--version'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == f"mmscodec {mmscodec.__version__}\n", done.stderr


def test_the_example_server_refuses_a_folder_that_is_not_there(tmp_path):
    import subprocess
    import sys

    root = FOLDER.parent.parent.parent
    for wrong in (tmp_path / "none", CAPTURE):
        done = subprocess.run(
            [sys.executable, "-m", "examples.mms_server", str(wrong), "--port", "0"],
            cwd=root, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 2
        assert f"{wrong} is no folder" in done.stderr


def test_buffers_in_memory_have_no_missing_path():
    with pytest.raises(mmscodec.errors.CaptureError):
        mmscodec.open(io.BytesIO(b"no capture"))
