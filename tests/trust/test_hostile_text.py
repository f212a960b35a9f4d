"""Text that a peer chose, through everything that shows or stores it: one test for each sink.

One capture has the worst texts in every place that is shown: names of players, URLs, file names,
hosts. `SINKS` names the sinks; a test looks that each has its own.
"""

import csv
import io
import json
import re
import unicodedata
from pathlib import Path

import pytest

import mmscodec
from mmscodec.cli import main
from tests.asf import make
from tests.sessions.play import Play, capture

SINKS = ("terminal", "csv", "json", "sql", "file_names", "parquet", "repr", "report")
ASF = make.asf(4, 200)
WORST = [
    "=cmd|' /C calc'!A0", "+1+1", "-2", "@SUM(1)", "\t=1", "\r=1", "\x1b]0;title\x07\x1b[2J\x9b31m",
    "\u202emoc.live\u202c", "a\nb\r\nc", "\u2028\u2029\u0085", "\x00\x01\x7f", "\ud800 lone \udfff",
    '"quoted", "twice"', "'; DROP TABLE messages; --", '" FROM x; --', "</script><script>alert(1)",
    "../../etc/passwd", "..\\..\\x", "CON", "con.asf", "a" * 300 + ".asf", "x/y:z*?<>|.asf", ".",
    "..", "", " ", "-rf", "~root", "$(id)`id`", "%00%2e%2e%2f", "{0}{__class__}", "%s%n",
    "\U0001f600" * 50, "e\u0301" * 40, "\ufeffbom", "NUL\0behind",
]  # fmt: skip


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    """A capture of one session for each of the texts."""
    plays = []
    for number, text in enumerate(WORST):
        play = Play(port=40000 + number, start=1000 * number).open()
        play.say("LinkViewerToMacConnect", subscriber_name=f"{text}; Host: {text}; {{{text}}}")
        play.say("LinkMacToViewerReportConnectedEX", server_version_info=text, version_url=text)
        play.say("LinkViewerToMacConnectFunnel", funnel_name=text)
        play.open_file(ASF, name=text).read_header(ASF).start().packets(ASF, range(4))
        play.say("LinkMacToViewerReportRedirect", wsz_location=text)
        plays.append(play.close())
    folder = tmp_path_factory.mktemp("hostile")
    capture(folder, *plays, name="worst.pcap")
    return folder / "worst.pcap"


def said(capsys, *words) -> str:
    status = main([str(word) for word in words])
    out, err = capsys.readouterr()
    assert status == 0, err
    harmless(err)
    return out


def harmless(text: str) -> None:
    """Nothing in it is an order to a terminal, or turns the direction of what stands beside it."""
    for char in text:
        kind = unicodedata.category(char)
        assert char == "\n" or kind not in ("Cc", "Cf", "Cs", "Zl", "Zp"), (char, kind)


@pytest.mark.parametrize(
    "words",
    [["decode"], ["decode", "--findings", "-n"], ["sessions"], ["sessions", "-t"],
     ["sessions", "-e"], ["stats"], ["sql", "SELECT * FROM LinkViewerToMacOpenFile"]],
    ids=" ".join,
)  # fmt: skip
def test_terminal(capsys, path, words):
    if words[0] == "sql":
        pytest.importorskip("duckdb")
    out = said(capsys, words[0], *words[1:], path)
    assert len(out) > 500
    harmless(out)


def test_csv(capsys, path):
    query = "SELECT * FROM LinkViewerToMacOpenFile"
    for words in (["decode", "--csv"], ["sql", "--csv", query]):
        if words[0] == "sql":
            pytest.importorskip("duckdb")
        out = said(capsys, *words, path)
        harmless(out.replace("\r\n", "\n"))
        rows = list(csv.reader(io.StringIO(out, newline="")))
        assert len(rows) > len(WORST)
        assert len({len(row) for row in rows}) == 1
        for cell in [cell for row in rows for cell in row]:
            number = re.fullmatch(r"-?[0-9.eE+]+", cell)
            assert number or not cell.startswith(("=", "+", "-", "@", "\t", "\r")), cell


def test_json(capsys, path):
    names = []
    for line in said(capsys, "decode", "--json", path).splitlines():
        assert line.isascii()
        row = json.loads(line)
        if row.get("name") == "LinkViewerToMacOpenFile":
            names.append(row["fields"]["file_name"])
    wanted = [text.split("\0")[0] for text in WORST]
    # a lone surrogate is written as its escape: the line stays UTF-8
    for text, name in zip(wanted, names, strict=True):
        assert name == text.encode("utf-8", "backslashreplace").decode()


def test_sql(capsys, path):
    pytest.importorskip("duckdb")
    before = json.loads(said(capsys, "sql", "--json", "SELECT count(*) n FROM messages", path))
    for text in WORST[12:16]:
        literal = text.replace("'", "''")
        query = f"SELECT count(*) n FROM LinkViewerToMacOpenFile WHERE file_name = '{literal}'"
        assert json.loads(said(capsys, "sql", "--json", query, path)) == {"n": 1}
    after = json.loads(said(capsys, "sql", "--json", "SELECT count(*) n FROM messages", path))
    assert before == after


def test_file_names(capsys, path, tmp_path):
    folder = tmp_path / "inner" / "media"
    folder.mkdir(parents=True)
    said(capsys, "extract", path, "-o", folder)
    assert [item.name for item in tmp_path.iterdir()] == ["inner"]
    assert [item.name for item in (tmp_path / "inner").iterdir()] == ["media"]
    found = list(folder.rglob("*"))
    assert len(found) == len(WORST)
    assert all(item.is_file() for item in found)
    for item in found:
        harmless(item.name)
        assert not re.search(r'[<>:"/\\|?*]', item.name)
        assert len(item.name.encode()) <= 255
        assert item.stem.upper() not in ("CON", "NUL", "AUX", "PRN")
        assert item.name[:1] not in "-.~ "


def test_parquet(path, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    cap = mmscodec.open(path)
    cap.write_parquet(tmp_path, ["sessions", "LinkViewerToMacOpenFile", "messages"])
    for file in tmp_path.glob("*.parquet"):
        schema = parquet.read_schema(file)
        metadata = {**(schema.metadata or {})}
        for column in schema:
            metadata |= column.metadata or {}
        words = b" ".join(key + b" " + value for key, value in metadata.items()).decode()
        harmless(words.replace("\\n", ""))
        for text in WORST:
            assert len(text) < 4 or text not in words
    names = parquet.read_table(tmp_path / "LinkViewerToMacOpenFile.parquet")["file_name"]
    assert len(names.to_pylist()) == len(WORST)


def test_repr(path):
    cap = mmscodec.open(path)
    for number in range(len(cap.sessions)):
        session = cap.session(number)
        harmless(repr(session))
        harmless(str(session))
    for words in cap.findings.text():
        harmless(words)
    harmless("\n".join(cap.faults.text()))


def test_report(path, tmp_path):
    """The page as bytes; what a browser makes of it is tested in tests/report."""
    for package in ("jinja2", "plotly"):
        pytest.importorskip(package, reason=f"{package} is not installed: reports need it")
    target = tmp_path / "page.html"
    assert main(["report", str(path), "-o", str(target)]) == 0
    text = target.read_text("utf-8")
    pieces = re.findall(r'<script type="application/json" id="\w+">(.*?)</script>', text, re.DOTALL)
    assert len(pieces) == 1 + len(WORST)
    for piece in pieces:
        harmless(piece)
        assert not re.search("[<>&]", piece)
        json.loads(piece)


def test_every_sink_has_a_test():
    assert {f"test_{sink}" for sink in SINKS} <= globals().keys()
