"""`mmscodec sessions` and `mmscodec extract` on captures of real clients and broken ones."""

import json
import subprocess
import sys

import pytest

from mmscodec.cli import main, progress
from mmscodec.cli.extract import file_name
from mmscodec.sessions.session import Session
from tests.asf import make
from tests.capture.truth import FOLDER
from tests.sessions.play import Play, capture, whole
from tests.terminal import terminal

ASF = make.asf(count=30)


def run(capsys, *arguments):
    status = main([str(item) for item in arguments])
    out, err = capsys.readouterr()
    return status, out, err


def test_a_session_is_told_in_words(capsys):
    status, out, err = run(capsys, "sessions", FOLDER / "libmms_seek.pcap")
    assert (status, err) == (0, "")
    assert "mmst://127.0.0.1/sample.asf, 10.05 s, 224 kbit/s, 93 packets of 3200 bytes" in out
    assert "1 seek" in out
    assert "38 packets, 122 kB over TCP" in out


def test_exchanges_and_states_are_shown_when_asked_for(capsys):
    _, out, _ = run(capsys, "sessions", "-e", "--states", FOLDER / "mplayer_ping.pcap")
    assert len([line for line in out.splitlines() if "Ping" in line and "Pong" in line]) == 4
    assert "READY > STREAMING" in out


def test_json_has_every_column_and_text(capsys):
    _, out, _ = run(capsys, "sessions", "--json", "-e", "--states", FOLDER / "ffmpeg_auth.pcap")
    (record,) = [json.loads(line) for line in out.splitlines()]
    assert record["auth"] == "BASIC, credentials never sent"
    assert record["exchanges"][-1]["request_name"] == "LinkMacToViewerSecurityChallenge"
    assert record["exchanges"][-1]["response_name"] is None
    assert record["transitions"][0] | {"time": 0} == {
        "session": 0, "side": "client", "before": "-", "after": "INIT", "time": 0, "message": 0,
        "data": -1,
    }  # fmt: skip


def test_many_sessions_fit_one_line_each(capsys):
    files = sorted(FOLDER.glob("*.pcap"))
    _, out, _ = run(capsys, "sessions", "-t", *files)
    assert len(out.splitlines()) == len(files) + 1
    assert "nosuch.wmv" in out


@pytest.mark.parametrize("width", [80, 100, 200])
@pytest.mark.parametrize("form", [[], ["-t"], ["-e", "--states", "--rates", "0.25"]])
def test_lines_are_no_wider_than_the_terminal(capsys, monkeypatch, width, form):
    terminal(monkeypatch, width)
    files = sorted(FOLDER.glob("*.pcap*"))
    status, out, _ = run(capsys, "sessions", *form, *files)
    assert status == 0
    assert [line for line in out.splitlines() if len(line) > width] == []
    for words in ("nosuch.wmv", "refused"):
        assert words in out


def test_what_was_extracted_is_told_within_the_terminal(capsys, monkeypatch, tmp_path):
    terminal(monkeypatch, 80)
    monkeypatch.chdir(tmp_path)
    _, out, _ = run(capsys, "extract", FOLDER / "libmms_seek.pcap")
    assert max(map(len, out.splitlines())) <= 80
    assert out.startswith("0000-sample.asf  123 kB, 38 packets, 55 not played, of 10.05 s, 1 video")


def test_findings_of_a_session_are_counted_by_kind(capsys):
    file = FOLDER / "mplayer_ping.pcap"
    _, out, _ = run(capsys, "sessions", "--json", file)
    record = json.loads(out)
    counts = {"violation": 0, "deviation": 0, "uninitialised": 0}
    for kind in record["findings"]:
        counts[kind["severity"]] += kind["count"]
    assert counts["deviation"] == record["deviations"] == 17
    assert counts["violation"] == record["violations"] == 0
    kinds = {(kind["field"], kind["code"]): kind["count"] for kind in record["findings"]}
    assert kinds["TcpMessageHeader.chunkCount", "CHUNK_COUNT"] == 10
    _, out, _ = run(capsys, "sessions", file)
    assert "17 deviations (chunkCount 10 times, " in out
    assert "5 other kinds)" in out


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "x"])
def test_steps_of_the_bit_rate_have_a_length(capsys, text):
    with pytest.raises(SystemExit) as stopped:
        run(capsys, "sessions", "--rates", text, FOLDER / "vlc_udp.pcap")
    assert stopped.value.code == 2
    assert "seconds, more than 0, are needed" in capsys.readouterr().err


def test_packets_lost_at_the_end_are_said_and_end_with_status_3(capsys, tmp_path):
    full = whole(ASF, udp=7000).frames
    last = max(i for i, frame in enumerate(full) if frame[2] == "udp")
    capture(tmp_path, whole(ASF, udp=7000), keep=lambda i, _: not last - 2 <= i <= last)
    _, out, _ = run(capsys, "sessions", tmp_path / "play.pcap")
    assert "3 lost (at most 3 in a row, 3 at the end)" in out
    status, out, _ = run(capsys, "extract", "-o", tmp_path, tmp_path / "play.pcap")
    assert status == 3
    assert "ends 3 packets before the file does" in out


def test_extracted_files_are_those_that_were_served(capsys, tmp_path):
    status, out, _ = run(capsys, "extract", "-o", tmp_path / "new", FOLDER / "libmms_playlist.pcap")
    assert status == 0
    names = sorted(path.name for path in (tmp_path / "new").iterdir())
    assert names == ["0000-sample-2.asf", "0000-sample.asf"]
    served = (FOLDER / "media" / "small1400.asf").read_bytes()
    assert served.startswith((tmp_path / "new" / names[0]).read_bytes())
    assert out.count("complete") == 2


def test_extract_reports_in_json_what_a_file_lacks(capsys, tmp_path):
    _, out, _ = run(capsys, "extract", "--json", "-o", tmp_path, FOLDER / "libmms_seek.pcap")
    record = json.loads(out)
    assert (record["session"], record["missing"], record["packets"]) == (0, [[7, 55]], 38)
    assert record["header"]["title"] == "mms lab sample"


def test_a_capture_without_media_fails(capsys, tmp_path):
    status, _, err = run(capsys, "extract", "-o", tmp_path, FOLDER / "vlc_noudp.pcap")
    assert (status, err) == (1, "mmscodec: no media in this capture\n")


def test_a_session_that_is_not_there_is_wrong_usage(capsys):
    status, _, err = run(capsys, "sessions", "-s", 3, FOLDER / "vlc_udp.pcap")
    assert (status, err) == (2, "mmscodec: session 3: there are 1, counted from 0\n")


def test_packets_lost_on_the_way_end_with_status_3(capsys, tmp_path):
    capture(tmp_path, whole(ASF, udp=7000), keep=lambda i, _: i != 30)
    status, out, _ = run(capsys, "extract", "-q", "-o", tmp_path, tmp_path / "play.pcap")
    assert status == 3
    assert "1 missing" in out
    assert run(capsys, "extract", "--strict", "-o", tmp_path, tmp_path / "play.pcap")[0] == 1


def test_a_header_may_come_from_another_file(capsys, tmp_path):
    frames = len(whole(ASF).frames)
    capture(tmp_path, whole(ASF), keep=lambda i, _: i > frames // 2)
    (tmp_path / "header.asf").write_bytes(ASF.file)
    play = tmp_path / "play.pcap"
    status, _, err = run(capsys, "extract", "-o", tmp_path / "out", play)
    assert status == 1
    assert "header was not captured" in err
    status, out, _ = run(
        capsys, "extract", "--header", tmp_path / "header.asf", "-o", tmp_path / "out", play
    )
    assert "0000-session.asf" in out


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("../../etc/passwd", "0000-passwd.asf"),
        ("a\\..\\b.wmv", "0000-b.wmv"),
        ("clip.wmv?x=/../y", "0000-clip.wmv"),
        ("", "0000-session.asf"),
        ("..", "0000-session.asf"),
        ("\x1b[2J\u202e.asf", "0000-2J_.asf"),
        ("x" * 500, f"0000-{'x' * 100}.asf"),
    ],
)
def test_names_of_files_stay_inside_the_directory(tmp_path, told, name):
    play = Play().open()
    play.say("LinkViewerToMacOpenFile", file_name=told, play_incarnation=1)
    session = capture(tmp_path, play).session(0)
    assert isinstance(session, Session)
    assert file_name(session) == name


def test_text_of_a_peer_cannot_speak_to_the_terminal(capsys, tmp_path):
    play = Play().open()
    play.say("LinkViewerToMacOpenFile", file_name="\x1b[2Jclip", play_incarnation=1)
    capture(tmp_path, play)
    for form in ([], ["-t"], ["--json"]):
        _, out, _ = run(capsys, "sessions", *form, tmp_path / "play.pcap")
        assert "\x1b" not in out


def test_the_commands_run_as_programs(tmp_path):
    command = [sys.executable, "-m", "mmscodec"]
    file = str(FOLDER / "vlc_udp.pcap")
    done = subprocess.run([*command, "extract", "-o", str(tmp_path), file], check=False)
    assert done.returncode == 0
    assert (tmp_path / "0000-small1400.asf").stat().st_size == 152_009


@pytest.mark.parametrize("bar", ["plain", "rich"])
def test_a_progress_bar_stays_out_of_the_output(capsys, tmp_path, monkeypatch, bar):
    if bar == "rich":
        pytest.importorskip("rich", reason="rich is not installed")
    else:
        monkeypatch.setattr(progress.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(progress, "wanted", lambda quiet: not quiet)
    file = FOLDER / "libmms_playlist.pcap"
    _, out, err = run(capsys, "extract", "-o", tmp_path, file)
    assert [line.split()[0] for line in out.splitlines()] == [
        str(tmp_path / "0000-sample.asf"),
        str(tmp_path / "0000-sample-2.asf"),
    ]
    assert (bar == "rich") or "reading" in err
    _, again, err = run(capsys, "extract", "-q", "--overwrite", "-o", tmp_path, file)
    assert (again, err) == (out, "")
