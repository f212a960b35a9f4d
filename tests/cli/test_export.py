"""`mmscodec export`: chosen flows as a capture or as raw streams."""

import json
from pathlib import Path

import pytest

import mmscodec
from mmscodec.cli import main

ROOT = Path(__file__).resolve().parents[1] / "captures"
TCP = str(ROOT / "mms" / "ffmpeg_tcp.pcap")
UDP = str(ROOT / "mms" / "vlc_udp.pcap")
LOSSES = str(ROOT / "own" / "own_lost_middle.pcap")


def test_a_flow_with_its_peer_and_its_datagrams(tmp_path, capsys):
    out = tmp_path / "out.pcap"
    with mmscodec.open(UDP) as cap:
        control = int(cap.flows["flow"][cap.flows["direction"] == "C>S"][0])
        wanted = len(cap.messages), len(cap.data)
    assert main(["export", "--flow", str(control), "-o", str(out), UDP]) == 0
    assert "frames of" in capsys.readouterr().out
    with mmscodec.open(str(out)) as cap:
        assert (len(cap.messages), len(cap.data)) == wanted
        assert wanted[1] > 50
    assert main(["export", "--flow", str(control), "-o", str(out), UDP]) == 1
    assert "--overwrite replaces it" in capsys.readouterr().err
    assert main(["export", "-s", "0", "--overwrite", "--json", "-o", str(out), UDP]) == 0
    assert json.loads(capsys.readouterr().out)["frames"] > 100
    assert [path.name for path in tmp_path.iterdir()] == ["out.pcap"]


def test_a_pipe(capfdbinary):
    assert main(["export", "-o", "-", "--format", "pcapng", TCP]) == 0
    out = capfdbinary.readouterr().out
    with mmscodec.open(out) as cap:
        assert len(cap.data) == 94


@pytest.mark.parametrize("path", [TCP, LOSSES, str(ROOT / "winmx" / "secondary.pcap")])
def test_raw_streams(tmp_path, path, capsys):
    assert main(["export", "--format", "raw", "--json", "-o", str(tmp_path), path]) in (0, 3)
    files = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    with mmscodec.open(path) as cap:
        assert {item["flow"] for item in files} == set(cap.flows["flow"].tolist())
        for item in files:
            assert Path(item["path"]).read_bytes() == cap.stream(item["flow"])


def test_missing_bytes_can_be_left_out(tmp_path, capsys):
    main(["export", "--format", "raw", "--missing", "leave", "--json", "-o", str(tmp_path), LOSSES])
    files = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    with mmscodec.open(LOSSES) as cap:
        for item in files:
            whole = len(cap.stream(item["flow"]))
            assert len(Path(item["path"]).read_bytes()) == item["bytes"] == whole - item["missing"]


def test_flows_of_a_time(tmp_path, capsys):
    out = str(tmp_path / "out.pcap")
    assert main(["export", "--from", "9999", "-o", out, TCP]) == 1
    assert "none that was asked for" in capsys.readouterr().err
    assert main(["export", "--flow", "77", "-o", out, TCP]) == 2
    assert "there is no flow 77" in capsys.readouterr().err
    assert main(["export", "-s", "7", "-o", out, TCP]) == 2
    assert "there are 1" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written(tmp_path, capsys):
    assert main(["export", "-o", str(tmp_path / "no" / "out.pcap"), TCP]) == 1
    assert "No such file" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert main(["export", "--format", "raw", "-o", str(tmp_path / "file"), TCP]) == 1
    assert "Traceback" not in capsys.readouterr().err
