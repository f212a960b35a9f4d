import csv
import io
import json

import pytest

import mmscodec
from mmscodec.cli import main
from mmscodec.errors import CaptureError
from tests.cli.fake import FakeCapture
from tests.terminal import terminal


@pytest.fixture
def capture():
    fake = FakeCapture()
    fake.message(
        "LinkViewerToMacConnect",
        play_incarnation=0xF0F0F0F0,
        subscriber_name="NSPlayer/7.0\x1b[2J",
    )
    fake.message("LinkMacToViewerReportOpenFile", 1, hr=0x80070002, open_file_id=1)
    fake.message("LinkViewerToMacOpenFile", file_name="a.asf", token_data=b"user:secret")
    fake.packet(0)
    fake.packet(1)
    fake.packet(2)
    fake.message("LinkMacToViewerPing", 1, dw_param1=77)
    return fake


@pytest.fixture
def run(capture, monkeypatch, capsys):
    monkeypatch.setattr(mmscodec, "open", lambda path, **_: capture, raising=False)
    monkeypatch.delenv("COLUMNS", raising=False)

    def decode(*arguments):
        status = main(["decode", "trace.pcap", *arguments])
        out, err = capsys.readouterr()
        return status, out, err

    return decode


def test_the_table_has_a_line_for_every_row(run):
    status, out, err = run()
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "flow   0  10.0.0.1:40000 > 10.0.0.2:1755  tcp mms"
    assert [line.split()[3] for line in lines[4:]] == [
        "LinkViewerToMacConnect",
        "LinkMacToViewerReportOpenFile",
        "LinkViewerToMacOpenFile",
        "Data",
        "Data",
        "Data",
        "LinkMacToViewerPing",
    ]
    assert [line.split()[2] for line in lines[4:]] == ["C>S", "S>C", "C>S", *["S>C"] * 4]


def test_the_table_names_values(run):
    _, out, _ = run()
    assert "play_incarnation=MMS_USE_PACKET_PAIR" in out
    assert "hr=ERROR_FILE_NOT_FOUND" in out
    _, out, _ = run("--no-names")
    assert "play_incarnation=0xF0F0F0F0" in out
    assert "hr=0x80070002" in out


def test_a_peer_cannot_send_escapes_to_the_terminal(run):
    for form in ((), ("--json",), ("--csv",)):
        _, out, _ = run(*form)
        assert "\x1b" not in out
        assert "NSPlayer/7.0" in out


def test_fields_that_receivers_ignore_are_left_out_of_the_table(run):
    _, out, _ = run()
    assert "dw_param1" not in out
    _, out, _ = run("--json")
    assert '"dw_param1":77' in out


@pytest.mark.parametrize("form", [(), ("--json",), ("--csv",)])
def test_credentials_are_hidden_unless_asked_for(run, form):
    _, out, _ = run(*form)
    assert "secret" not in out
    assert b"user:secret".hex() not in out
    assert "<11 bytes hidden>" in out
    _, out, _ = run(*form, "--show-secrets")
    assert b"user:secret".hex() in out


def test_json_lines_hold_every_field_by_its_python_name(run):
    _, out, _ = run("--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["type"] for row in rows] == ["message"] * 3 + ["data"] * 3 + ["message"]
    assert rows[0]["src"] == "10.0.0.1:40000"
    assert rows[0]["time"] == "2026-11-21T00:06:07.793120000Z"
    assert rows[0]["fields"]["play_incarnation"] == 0xF0F0F0F0
    assert rows[0]["names"] == {"play_incarnation": "MMS_USE_PACKET_PAIR"}
    assert rows[2]["fields"]["file_name"] == "a.asf"
    assert rows[4]["fields"] == {"location_id": 1, "play_incarnation": 9, "af_flags": 1}


def test_csv_has_the_same_rows(run):
    _, out, _ = run("--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert len(rows) == 7
    assert rows[3]["name"] == "Data"
    assert json.loads(rows[3]["fields"])["location_id"] == 0


def test_count_stops_early(run):
    _, out, _ = run("--json", "-c", "2")
    assert len(out.splitlines()) == 2


def test_quiet_folds_runs_of_data_packets(run):
    _, out, _ = run("-q")
    assert len([line for line in out.splitlines() if " S>C Data" in line]) == 1
    assert "Data x 3" in out
    assert "4368 bytes" in out


def test_lines_fit_a_narrow_terminal(run, monkeypatch):
    terminal(monkeypatch, 80)
    _, out, _ = run()
    assert max(map(len, out.splitlines())) <= 80
    assert "C>S Connect" in out


def test_damage_is_a_row_a_word_on_stderr_and_status_3(run, capture):
    capture.fault(code=32, field=2, length=100, need=16, have=3)
    status, out, err = run()
    assert status == 3
    assert "bad message length in messageLength (need 16, have 3)" in out
    assert "input damaged in 1 place, 100 bytes skipped" in err
    assert run("--strict")[0] == 1


def test_a_file_that_cannot_be_read_is_one_line_and_status_1(monkeypatch, capsys):
    def fails(path, **_):
        raise CaptureError("x.txt: not a capture")

    monkeypatch.setattr(mmscodec, "open", fails, raising=False)
    assert main(["decode", "x.txt"]) == 1
    assert capsys.readouterr().err == "mmscodec: x.txt: not a capture\n"


def test_an_interrupt_is_status_130(monkeypatch):
    def stops(path, **_):
        raise KeyboardInterrupt

    monkeypatch.setattr(mmscodec, "open", stops, raising=False)
    assert main(["decode", "x.pcap"]) == 130


@pytest.mark.parametrize("arguments", [[], ["decode"], ["decode", "--json", "--csv", "x"]])
def test_wrong_usage_is_status_2(arguments, capsys):
    with pytest.raises(SystemExit) as error:
        main(arguments)
    assert error.value.code == 2
    assert "usage: mmscodec" in capsys.readouterr().err
