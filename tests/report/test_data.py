"""What a page holds: the same as the tables of its capture, under its ceilings, masked."""

import json
import re
import shlex
import sys

import numpy as np
import pytest

import mmscodec
from mmscodec.cli import main
from mmscodec.cli.main import parser
from mmscodec.errors import MissingExtraError
from mmscodec.report import page
from mmscodec.report.html import _charts, as_json
from mmscodec.report.ladder import MARK, choose
from mmscodec.report.limits import limits_for, short
from mmscodec.report.series import step_of, thinned
from mmscodec.sessions.buffer import buffer_of, content_over_time
from tests.report.pages import CAPTURES, PARTS, ROOT, made, parts

#: Where the specification lies beside the package.
WPN = ROOT.parents[2] / "shared" / "spec" / "wpn.md"
UDP = ROOT / "mms" / "vlc_udp.pcap"


def test_json_ends_no_element():
    text = as_json({"<!--": "</script><script>&\u2028\u2029'\"\ud800 \x00"})
    assert text.isascii()
    assert not re.search(r"[<>&]", text)
    assert json.loads(text) == {"<!--": "</script><script>&\u2028\u2029'\"\ud800 \x00"}


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_a_page_of_every_capture(path, tmp_path):
    found = parts(made(path, tmp_path))
    cap = mmscodec.open(path)
    data = found.pop("data")
    winmx = data["winmx"] or {"connections": []}
    assert found.keys() == {f"s{i}" for i in range(len(cap.sessions))} | {
        f"w{i}" for i in range(len(winmx["connections"]))
    }
    counts = data["overview"]["counts"]
    assert counts["messages"] == len(cap.messages)
    assert counts["faults"] == len(cap.faults) == len(data["faults"])
    assert sum(kind["count"] for kind in data["problems"]) == len(cap.findings)
    for i, row in enumerate(cap.sessions):
        session = found[f"s{i}"]
        ladder = [line for line in session["ladder"] if line[1] == 0]
        assert len(ladder) == session["messages"] == len(cap.session(i).ends.ordered)
        assert sum(line[8] >= 0 for line in ladder) == int(
            (cap.exchanges["latency"][cap.exchanges["session"] == i] >= 0).sum()
        )
        assert data["sessions"]["media_packets"][i] == row["media_packets"]
        runs = [line[7] for line in session["ladder"] if line[2] == "Data"]
        counted = sum(int(re.search(r"packets=(\d+)", words)[1]) for words in runs)
        assert counted == row["media_packets"]
    if cap.flows["protocol"].tolist().count("winmx"):
        assert sum(one["messages"] for name, one in found.items() if name[0] == "w") == len(
            cap.winmx.packets
        )
        assert sum(row[2] for row in winmx["primaries"]) == len(cap.winmx.lists())
        assert sum(one["count"] for one in winmx["nodes"]) == len(cap.nodes)


def test_fields_are_those_of_decode(tmp_path, capsys):
    ladder = parts(made(UDP, tmp_path))["s0"]["ladder"]
    shown = {line[7].replace(MARK, " ").strip() for line in ladder if line[1] == 0}
    assert main(["decode", "-q", str(UDP)]) == 0
    out = capsys.readouterr().out
    assert len(shown) > 10
    for words in shown:
        assert words in out


def test_names_and_marks_of_the_ladder(tmp_path):
    found = parts(made(UDP, tmp_path))
    names, problems = found["data"]["names"], found["data"]["problems"]
    first = next(line for line in found["s0"]["ladder"] if line[1] == 0)
    assert (names[first[2]], first[3]) == ("Connect", 1)
    fields = {problems[kind]["field"] for kind in first[9]}
    assert "TcpMessageHeader.chunkCount" in fields
    assert all(problem["section"] and problem["examples"] for problem in problems)


def test_charts_are_of_the_session(tmp_path):
    session = parts(made(UDP, tmp_path))["s0"]
    cap = mmscodec.open(UDP)
    received = sum(session["rates"]["received"]) / 8 * session["rates"]["step"]
    assert received == pytest.approx(cap.sessions["media_bytes"][0], rel=0.01)
    assert min(session["buffer"]["level"]) >= 0
    assert session["buffer"]["preroll"] == 3100
    assert max(session["locations"]["id"]) == 107
    assert session["locations"]["gone"] == 0


def test_what_did_not_come_is_drawn(tmp_path):
    path = ROOT / "own" / "own_lost_middle.pcap"
    it = parts(made(path, tmp_path))["s0"]["locations"]
    lost = sum(last - first + 1 for first, last in zip(it["gone_from"], it["gone_to"]))
    row = mmscodec.open(path).sessions[0]
    assert lost == row["lost"] - row["lost_at_start"] - row["lost_at_end"] > 0


@pytest.mark.parametrize("name", ["own_basic", "own_ntlm", "own_ntlm_auth", "own_basic_up_front"])
def test_credentials_are_hidden_as_decode_hides_them(name, tmp_path, capsys):
    path = ROOT / "own" / f"{name}.pcap"
    cap = mmscodec.open(path)
    text = made(path, tmp_path).read_text("utf-8")
    found = 0
    for message, field in (
        ("LinkViewerToMacSecurityResponse", "p_token"), ("LinkViewerToMacOpenFile", "token_data"),
    ):  # fmt: skip
        for token in cap.column(message, field):
            if token:
                found += 1
                for form in (
                    token.hex(),
                    token.decode("latin-1"),
                    as_json(token.decode("latin-1")),
                ):
                    assert form.strip('"') not in text
    assert found
    assert "bytes hidden>" in text.replace("\\u003e", ">")
    assert "bytes hidden" not in made(path, tmp_path, "--show-secrets").read_text("utf-8")


@pytest.mark.parametrize(
    "raw", [b"\xd4\xc3\xb2\xa1\x02\0\x04\0" + bytes(8) + b"\xff\xff\0\0\1\0\0\0"]
)
def test_an_empty_capture(tmp_path, raw):
    path = tmp_path / "empty.pcap"
    path.write_bytes(raw)
    data = parts(made(path, tmp_path))["data"]
    assert data["sessions"]["index"] == []
    assert data["overview"]["first"] is None


@pytest.mark.parametrize("name", ["text-mode-crlf.pcap", "utf16.pcapng"])
def test_what_is_no_capture_leaves_nothing(name, tmp_path, capsys):
    path = tmp_path / "x.pcap"
    path.write_bytes((ROOT / "cases" / name).read_bytes())
    assert main(["report", str(path), "-o", str(tmp_path / "out.html")]) == 1
    assert "mmscodec: " in capsys.readouterr().err
    assert [item.name for item in tmp_path.iterdir()] == ["x.pcap"]


def test_a_page_that_exists_stays(tmp_path, capsys):
    path = tmp_path / "page.html"
    path.write_text("mine")
    assert main(["report", str(UDP), "-o", str(path)]) == 1
    assert capsys.readouterr().err == f"mmscodec: {path} exists; --overwrite replaces it\n"
    assert path.read_text() == "mine"


def test_standard_output_and_chosen_sessions(capfdbinary, monkeypatch):
    path = str(ROOT / "own" / "own_redirect.pcap")
    assert main(["report", path, "-s", "1", "-o", "-"]) in (0, 3)
    page = capfdbinary.readouterr().out.decode()
    assert page.startswith("<!DOCTYPE html>")
    assert [name for name, _ in PARTS.findall(page)] == ["data", "s1"]
    assert main(["report", path, "-s", "99", "-o", "-"]) == 2
    assert b"session 99" in capfdbinary.readouterr().err


@pytest.mark.parametrize("package", ["jinja2", "plotly"])
def test_a_missing_extra_is_named(package, monkeypatch):
    _charts.cache_clear()
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=r"mmscodec\[report\]") as found:
        page(mmscodec.open(UDP))
    assert found.value.package == package


def test_thinning_keeps_the_least_and_the_greatest():
    values = np.random.default_rng(1).integers(0, 1000, 12_345)
    for points in (2, 3, 50, 400, 20_000):
        chosen = thinned(values, points)
        assert len(chosen) <= max(points, 2)
        assert (np.diff(chosen) > 0).all()
        assert values[chosen].min() == values.min()
        assert values[chosen].max() == values.max()
    assert thinned(np.zeros(0, np.int64), 5).tolist() == []


def test_what_a_ladder_keeps():
    rows, severe = np.arange(1000), np.zeros(1000, bool)
    severe[500:900] = True
    chosen = choose(rows, severe, 80)
    assert len(chosen) <= 80
    assert chosen[0] == 0
    assert chosen[-1] == 999
    assert severe[chosen].sum() == 20
    assert choose(rows[:80], severe[:80], 80).tolist() == list(range(80))


def test_ceilings_shrink_with_the_number_of_sessions():
    few, many = limits_for(1), limits_for(100_000)
    assert few.rows > 20 * many.rows > 0
    assert many.rows * many.details <= 60_000
    assert short("abc", 3) == "abc"
    assert short("abcd", 3) == "ab\u2026"
    assert step_of(3, 100) == 0.1
    assert step_of(3600, 100) == 50


def test_the_buffer_over_time_is_that_of_the_table():
    rng = np.random.default_rng(2)
    for _ in range(200):
        n = int(rng.integers(1, 40))
        send = np.cumsum(rng.integers(0, 100, n))
        arrival = np.cumsum(rng.integers(0, 150, n))
        preroll = int(rng.integers(1, 400))
        level = content_over_time(send, arrival, preroll)
        found = buffer_of(send, arrival, preroll, False)
        full = np.searchsorted(np.maximum.accumulate(send) - send[0], preroll)
        assert (level >= 0).all()
        if full < n - 1:
            assert level[full + 1 :].min() == found.lowest


def test_a_capture_of_many_sessions_keeps_its_ceilings(tmp_path, monkeypatch):
    from tests.asf import make
    from tests.sessions.play import capture, whole

    asf = make.asf(4, 200)
    plays = [whole(asf, port=20000 + n, start=n * 10) for n in range(60)]
    cap = capture(tmp_path, *plays)
    few = limits_for(60)
    monkeypatch.setattr(
        "mmscodec.report.html.limits_for",
        lambda count: type(few)(
            sessions=50, details=40, rows=5, points=4, listed=3, bytes=60_000, text=40
        ),
    )
    path = tmp_path / "page.html"
    path.write_text(page(cap, names=["many.pcap"]))
    found = parts(path)
    data = found.pop("data")
    assert len(data["sessions"]["index"]) == 50
    assert data["session_count"] == 60
    assert data["opened"] == len(found) <= 40
    assert sum(len(as_json(one)) for one in [data, *found.values()]) <= 60_000
    session = found["s0"]
    shown = sum(line[1] == 0 for line in session["ladder"])
    assert 3 <= shown <= 5
    assert sum(line[10] for line in session["ladder"]) == session["messages"] - shown
    assert len(session["exchanges"]) == 5 < session["exchange_count"]
    assert len(data["overview"]["flows"]) == 3


@pytest.mark.parametrize("path", [path for path in CAPTURES if "winmx" in path.parts])
def test_faults_and_findings_of_winmx_name_their_section(path, tmp_path):
    headings = re.compile(r"^#+ (\d+(?:\.\d+)*)\.? ", re.MULTILINE)
    with mmscodec.open(path) as capture:
        count = len(capture.winmx.faults) if "winmx" in capture.flows["protocol"] else 0
    data = parts(made(path, tmp_path))["data"]
    rows = [row for row in data["faults"] if row[0] >= 0]
    assert len(rows) == count
    named = [row[4] for row in rows] + [kind["section"] for kind in data["problems"]]
    assert all(re.fullmatch(r"\d+(\.\d+)*", section) for section in named), named
    if WPN.exists():  # the specification is not part of the package
        assert set(named) <= set(headings.findall(WPN.read_text("utf-8")))


def test_commands_of_its_documentation_are_good():
    text = (ROOT.parents[1] / "docs" / "report.md").read_text("utf-8")
    lines = [line for line in text.splitlines() if line.startswith("mmscodec report ")]
    assert len(lines) == 4
    for line in lines:
        assert parser().parse_args(shlex.split(line.partition(">")[0])[1:]).run
