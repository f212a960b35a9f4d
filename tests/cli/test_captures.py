"""The command on captures of real clients, against what the server of each one logged."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmscodec.capture.filter import library
from mmscodec.cli import main
from mmscodec.schema.mms import message_name
from tests.terminal import terminal

FOLDER = Path(__file__).resolve().parent.parent / "captures" / "mms"
CAPTURES = sorted(path for path in FOLDER.glob("*.pcap*"))
MMSCODEC = [sys.executable, "-m", "mmscodec"]


def truth_of(path: Path) -> list[dict]:
    name = FOLDER / "truth" / f"{path.stem}.jsonl.gz"
    with gzip.open(name, "rt") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def message_ids(packet: bytes) -> list[int]:
    at, found = 32, []
    while at < len(packet):
        units, mid = (int.from_bytes(packet[at + i : at + i + 4], "little") for i in (0, 4))
        found.append(mid)
        at += units * 8
    return found


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_json_lines_agree_with_the_log_of_the_server(path, capsys):
    assert main(["decode", "--json", str(path)]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    truth = truth_of(path)
    for direction, ways in (("C>S", "c2s"), ("S>C", "s2c")):
        logged = [
            message_name(mid)
            for line in truth
            if line["kind"] == "tcpmsg" and line["dir"] == ways
            for mid in message_ids(bytes.fromhex(line["hex"]))
        ]
        seen = [
            row["name"]
            for row in rows
            if row["type"] == "message" and row["direction"] == direction
        ]
        assert seen == logged
    logged = [
        (line["loc"], line["inc"], line["af"], line["size"])
        for line in truth
        if line["kind"] == "data"
    ]
    seen = [
        (
            *(row["fields"][k] for k in ("location_id", "play_incarnation", "af_flags")),
            row["length"],
        )
        for row in rows
        if row["type"] == "data"
    ]
    assert seen == logged


@pytest.mark.parametrize("width", [80, 200])
def test_every_line_fits_the_terminal(width, capsys, monkeypatch):
    terminal(monkeypatch, width)
    assert main(["decode", str(FOLDER / "ffmpeg_tcp.pcap")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    assert len([line for line in lines if " S>C Data" in line]) == 94


def test_a_file_cut_in_half_gives_its_good_half_and_status_3(tmp_path):
    whole = (FOLDER / "ffmpeg_tcp.pcap").read_bytes()
    half = tmp_path / "half.pcap"
    half.write_bytes(whole[: len(whole) // 2])
    done = subprocess.run([*MMSCODEC, "decode", str(half)], capture_output=True, text=True)
    assert done.returncode == 3
    assert "LinkMacToViewerReportStartedPlaying" in done.stdout
    assert "input damaged" in done.stderr


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "No such file or directory"), (b"", ""), (b"This is no capture at all.\n" * 9, "")],
    ids=["missing", "empty", "text"],
)
def test_what_is_no_capture_is_status_1_and_one_line(tmp_path, content, words):
    path = tmp_path / "x.pcap"
    if content is not None:
        path.write_bytes(content)
    done = subprocess.run([*MMSCODEC, "decode", str(path)], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("mmscodec: ")
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(os.name == "nt", reason="pipes close differently on Windows")
def test_a_reader_that_goes_away_is_no_error():
    command = (
        f"'{sys.executable}' -m mmscodec decode --json '{FOLDER / 'libmms_tcp.pcap'}' | head -n 1"
    )
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["name"] == "LinkViewerToMacConnect"


def test_statistics_of_a_real_capture(capsys):
    assert main(["stats", "--json", str(FOLDER / "libmms_playlist.pcap")]) == 0
    counts = json.loads(capsys.readouterr().out)
    assert counts["messages"]["LinkMacToViewerReportStreamChange"] == 1
    assert counts["data"]["header"]["packets"] == 2
    assert counts["data"]["media"]["packets"] == 201


def test_standard_input_is_a_file_like_any_other():
    path = FOLDER / "ffmpeg_tcp.pcap"
    with path.open("rb") as file:
        piped = subprocess.run([*MMSCODEC, "decode", "-"], stdin=file, capture_output=True)
    named = subprocess.run([*MMSCODEC, "decode", str(path)], capture_output=True)
    assert (piped.returncode, piped.stderr) == (0, b"")
    assert piped.stdout == named.stdout


def test_what_comes_through_a_pipe_is_shown_when_it_comes():
    content = (FOLDER / "ffmpeg_tcp.pcap").read_bytes()
    process = subprocess.Popen(
        [*MMSCODEC, "decode", "--json", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(content[:1500])
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["name"] == "LinkViewerToMacConnect"
    process.stdin.write(content[1500:])
    process.stdin.close()
    # not communicate(): it would lose what readline() has read ahead
    assert len(process.stdout.read().splitlines()) == 16 + 94 - 1
    process.stdout.close()
    assert process.wait(300) == 0


def test_a_capture_without_such_traffic_says_so(tmp_path, capsys):
    path = tmp_path / "none.pcap"
    path.write_bytes((FOLDER / "ffmpeg_tcp.pcap").read_bytes()[:24])
    assert main(["decode", str(path)]) == 0
    assert "no MMS or WinMX traffic" in capsys.readouterr().err


def test_findings_stand_beside_the_rows_that_break_a_rule(capsys):
    path = str(FOLDER / "ffmpeg_tcp.pcap")
    assert main(["decode", "--json", "--findings", path]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    found = [row for row in rows if row["type"] == "finding"]
    assert {row["name"] for row in found} == {"deviation", "uninitialised"}
    assert any("chunkCount" in row["fields"]["text"] for row in found)
    assert main(["decode", "--json", "--violations", path]) == 0
    assert '"finding"' not in capsys.readouterr().out


def test_files_that_are_no_captures_are_named(tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "good.pcap").write_bytes((FOLDER / "ffmpeg_tcp.pcap").read_bytes())
    assert main(["stats", str(tmp_path)]) == 0
    out, said = capsys.readouterr()
    assert "mms" in out
    assert said == f"mmscodec: left out {tmp_path}/notes.txt: text\n"


def test_damage_is_said_with_the_name_of_the_file(tmp_path, capsys):
    raw = (FOLDER / "ffmpeg_tcp.pcap").read_bytes()
    (tmp_path / "a.pcap").write_bytes(raw)
    (tmp_path / "b.pcap").write_bytes(raw[:1000])
    assert main(["decode", "-q", str(tmp_path)]) == 3
    said = capsys.readouterr().err
    assert f"{tmp_path}/b.pcap 0x" in said
    offset = int(said.partition("b.pcap 0x")[2].partition(":")[0], 16)
    assert 0 < offset < 1000


def test_frames_may_be_chosen(capsys):
    path = str(FOLDER / "vlc_udp.pcap")
    counts = {}
    for words in ([], ["-p", "7000"], ["-p", "1755"], ["-p", "7000", "-p", "1755"], ["-p", "9"]):
        main(["stats", "--json", path, *words])
        found = json.loads(capsys.readouterr().out)
        counts[" ".join(words)] = len(found["flows"])
    assert counts == {"": 3, "-p 7000": 1, "-p 1755": 3, "-p 7000 -p 1755": 3, "-p 9": 0}
    with pytest.raises(SystemExit) as ended:
        main(["stats", path, "-p", "70000"])
    assert ended.value.code == 2


def test_a_filter_may_be_given(capsys):
    path = str(FOLDER / "vlc_udp.pcap")
    try:
        library()
    except RuntimeError as error:
        pytest.skip(str(error))
    assert main(["decode", "--json", path, "-f", "udp"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {row["type"] for row in rows} == {"data"}
    with pytest.raises(SystemExit) as ended:
        main(["decode", path, "--filter", "no such words"])
    assert ended.value.code == 2
    assert "filter" in capsys.readouterr().err
