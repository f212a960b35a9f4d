"""`mmscodec sql` and what stands behind it."""

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest

import mmscodec
from mmscodec.cli import main
from mmscodec.cli.cells import cut
from mmscodec.cli.prompt import converse, history_file
from mmscodec.sql import Database
from mmscodec.sql.names import names_of
from mmscodec.sql.views import VIEWS
from tests.tables.consumers import CAPTURES, capture, library
from tests.terminal import terminal

SESSION = str(CAPTURES / "own/own_losses.pcap")
NODES = str(CAPTURES / "winmx/secondary.pcap")
duckdb = library("duckdb")


@pytest.fixture
def run(capsys):
    def ask(*words):
        status = main(["sql", "-q", *words])
        out, err = capsys.readouterr()
        return status, out, err

    return ask


def rows(run, query, path=SESSION):
    status, out, _ = run("--json", query, path)
    assert status in (0, 3)
    return [json.loads(line) for line in out.splitlines()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    target = tmp_path_factory.mktemp("parquet")
    for path in (SESSION, NODES):
        with mmscodec.open(path) as cap:
            cap.write_parquet(target / path.rsplit("/", 1)[1])
    return target


def test_a_table_is_made_when_it_is_named_and_only_the_columns_that_are_read():
    database = Database(mmscodec.open(SESSION))
    assert database.query("select 1").columns == ["1"]
    assert database.made == []
    query = "select Mid_Name, count(*) from messages where flow >= 0 group by all"
    found = dict(database.query(query).rows())
    assert database.made == [("messages", ("flow", "mid_name"))]
    cap = mmscodec.open(SESSION)
    assert found["RequestPacketListResend"] == len(cap["RequestPacketListResend"]) > 0


@pytest.mark.parametrize(
    ("query", "everything"),
    [
        ("select * from messages", True),
        ("from messages", True),
        ("select m from messages as m", True),
        ("select messages from messages", True),
        ("select columns('m.*') from messages", True),
        ("select * exclude (mid) from messages", True),
        ("summarize messages", True),
        ("select a.mid from messages a natural join packets b", True),
        ("select count(*) from messages", False),
        ("select mid from messages m where m.flow = 1", False),
        ("with x as (select mid from messages) select max(mid) from x", False),
        ("select '*' as star, mid from messages -- *", False),
    ],
)
def test_what_stands_for_all_columns(query, everything):
    assert names_of(query, duckdb.connect()).everything == everything
    made = Database(mmscodec.open(SESSION))
    assert made.query(query) is not None
    expected = mmscodec.open(SESSION).table("messages").column_names
    chosen = dict(made.made)["messages"]
    assert (list(chosen) == expected) == everything


def test_the_answer_is_that_of_numpy(run):
    cap = capture("own/own_losses.pcap")
    query = "select flow, count(*) as n, sum(length)::bigint as b, min(time) as t from data"
    query += " group by 1 order by 1"
    data = cap.data
    for row in rows(run, query):
        mine = data[data["flow"] == row["flow"]]
        assert (row["n"], row["b"]) == (len(mine), int(mine["length"].sum()))
        assert np.datetime64(row["t"].rstrip("Z"), "ns").astype(int) == mine["time"].min()


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_says_the_same_of_a_capture_and_of_its_parquet_files(run, folder, view):
    for path in (SESSION, NODES):
        there = folder / path.rsplit("/", 1)[1]
        status, _, err = run(f"from {view}", str(there))
        if status:
            assert "is not there" in err
            continue
        assert rows(run, f"from {view}", path) == rows(run, f"from {view}", str(there))


def test_views_answer_from_the_numbers_of_the_capture(run):
    cap = capture("own/own_losses.pcap")
    (row,) = rows(run, "from start_up_times")
    assert row["seconds"] == pytest.approx(int(cap.sessions["start_up"][0]) / 1e9, abs=1e-6)
    (row,) = rows(run, "from losses")
    assert (row["media_packets"], row["lost"]) == tuple(cap.sessions[["media_packets", "lost"]][0])
    (row,) = rows(run, "from top_talkers where protocol = 'mms'")
    assert row["bytes"] == int(cap.flows["bytes"][cap.flows["protocol"] == "mms"].sum())
    (row,) = rows(run, "from player_versions")
    assert (row["player"], row["sessions"]) == ("NSPlayer", 1)
    latency = cap.exchanges["latency"]
    found = [row["ms"] for row in rows(run, "from slow_requests")]
    assert found == sorted(
        (round(v / 1e6, 3) for v in latency[latency >= 0].tolist()), reverse=True
    )
    nodes = capture("winmx/secondary.pcap").nodes
    found = sum(row["lists"] for row in rows(run, "from nodes_over_time", NODES))
    assert found == len(np.unique(nodes["packet"]))


def test_silent_primaries_are_those_of_the_intervals(run):
    found = capture("winmx/secondary.pcap").winmx.intervals(3.0)
    got = rows(run, "from silent_primaries", NODES)
    assert len(got) == int(found["silent"].sum())
    query = VIEWS["silent_primaries"].query.replace("> 3 *", ">= 0 *")
    assert [row["lists"] for row in rows(run, query, NODES)] == found["lists"].tolist()


def test_a_mistake_is_one_line(run):
    for query, status in [
        ("select nope from messages", 2),
        ("select from where", 2),
        ("selec 1", 2),
        ("select * from nothing_like_this", 2),
        ("select cast('x' as integer) from messages", 1),
        ("select error('no')", 1),
    ]:
        got, out, err = run(query, SESSION)
        assert (got, out, err.count("\n")) == (status, "", 1), query
        assert err.startswith("mmscodec: ")
    assert run("select 1")[0] == 2
    assert run("select 1", SESSION, "nowhere.pcap")[0] == 1
    for query in ("", " ;\n", ";;"):
        assert run(query, SESSION) == (2, "", "mmscodec: the query is empty\n")
    assert run("from mesages", SESSION)[2] == (
        "mmscodec: there is no table mesages; did you mean 'messages'?\n"
    )
    said = run("select max(time) - min(time) from messages", SESSION)[2]
    assert "epoch_ns(time)" in said
    assert len(said) < 400


def test_damage_is_said(run, tmp_path):
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(Path(SESSION).read_bytes()[:-7])
    assert run("select count(*) from messages", str(cut))[0] == 3
    assert run("select 1", str(cut))[0] == 0


def test_forms_of_the_answer(run, tmp_path):
    query = "select '=1' as f, 'a\x1b[2J\u202e' as e, null as n, 1.5::double as d, 'x,\"y' as q"
    query += ", '\\x01'::blob as b, interval 1 second as i, {'a': [1, 2]} as s"
    _, out, _ = run("--csv", query, SESSION)
    head = "f,e,n,d,q,b,i,s\n"
    assert out == head + '\'=1,a\\x1b[2J\\u202e,,1.5,"x,""y",01,1000000000,"{""a"": [1, 2]}"\n'
    _, out, _ = run("--json", query, SESSION)
    assert out.isascii()
    assert json.loads(out) == {
        "f": "=1", "e": "a\x1b[2J\u202e", "n": None, "d": 1.5, "q": 'x,"y', "b": "01",
        "i": 10**9, "s": {"a": [1, 2]},
    }  # fmt: skip
    _, out, _ = run(query, SESSION)
    assert "\x1b" not in out
    target = tmp_path / "rows.parquet"
    assert run("--parquet", str(target), "select mid from messages", SESSION)[0] == 0
    mids = [mid for (mid,) in duckdb.connect().execute(f"select mid from '{target}'").fetchall()]
    assert mids == capture("own/own_losses.pcap").messages["mid"].tolist()
    assert [path.name for path in tmp_path.iterdir()] == ["rows.parquet"]


@pytest.mark.parametrize("columns", [20, 40, 80, 100, 200])
def test_a_table_is_as_wide_as_the_terminal(run, monkeypatch, columns):
    query = "select * from exchanges"
    _, whole, _ = run(query, SESSION)
    terminal(monkeypatch, columns)
    status, out, _ = run(query, SESSION)
    lines = out.splitlines()
    names = mmscodec.open(SESSION).table("exchanges").column_names
    assert status == 0
    assert max(map(len, lines)) <= columns
    shown = lines[0].split()
    last = shown[-1].strip(".")
    assert shown[0] == names[0]
    assert last
    assert names[-1].startswith(last)
    assert lines[-1] == cut(f"({len(names)} columns, {len(shown) - 1} shown)", columns)
    assert max(map(len, whole.splitlines())) > 200
    assert "shown)" not in whole


def test_numbers_are_never_cut(run, monkeypatch):
    terminal(monkeypatch, 40)
    _, out, _ = run("select 123456789012345678 as a, repeat('x', 90) as b, 17 as c", SESSION)
    assert out.splitlines()[1] == f"{123456789012345678}  {'x' * 13}...  17"
    terminal(monkeypatch, 80)
    _, out, _ = run("select 'a' as x, 1 as y", SESSION)
    assert out == "x  y\na  1\n"


def test_a_narrow_terminal_has_short_names_of_messages(run, monkeypatch):
    query = "select request_mid_name, response_mid_name from exchanges limit 1"
    _, whole, _ = run(query, SESSION)
    assert "LinkViewerToMac" in whole
    assert "LinkMacToViewer" in whole
    names = whole.splitlines()[1].split()
    width = max(map(len, whole.splitlines()))
    terminal(monkeypatch, width - 1)
    _, short, _ = run(query, SESSION)
    short = short.splitlines()[1].split()
    assert names == [f"LinkViewerToMac{short[0]}", f"LinkMacToViewer{short[1]}"]
    terminal(monkeypatch, width)
    assert run(query, SESSION)[1] == whole


def test_credentials_are_hidden_unless_they_are_asked_for(run, folder):
    path = str(CAPTURES / "own/own_ntlm_auth.pcap")
    query = "select p_token from LinkViewerToMacSecurityResponse"
    tokens = mmscodec.open(path).column("LinkViewerToMacSecurityResponse", "p_token").tolist()
    assert len(tokens) == 2
    assert rows(run, query, path) == [{"p_token": b"*".hex() * len(token)} for token in tokens]
    _, out, _ = run("--json", "--show-secrets", query, path)
    shown = [json.loads(line) for line in out.splitlines()]
    assert shown == [{"p_token": bytes(token).hex()} for token in tokens]
    status, _, err = run("--show-secrets", "from flows", str(next(folder.iterdir())))
    assert status == 2
    assert "--show-secrets is for captures" in err


def test_the_listing_has_units(run):
    status, out, _ = run("--list")
    assert status == 0
    lines = out.splitlines()
    at = lines.index("data")
    words = {line.split()[0]: line.split() for line in lines[at + 2 : at + 12]}
    assert words["length"][1:3] == ["BIGINT", "bytes"]
    assert words["time"][1].startswith("TIMESTAMPTZ")
    assert all(f"  {view}" in out for view in VIEWS)


def test_without_duckdb_the_extra_is_named(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "duckdb", None)
    status, _, err = run("select 1", SESSION)
    assert status == 1
    assert "pip install 'mmscodec[duckdb]'" in err


def test_a_conversation(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    words = [".tables", ".columns data", ".what", "select count(*) as n", "from messages;"]
    lines = iter([*words, KeyboardInterrupt, "select 1;", ".quit"])

    def read(prompt):
        line = next(lines)
        if line is KeyboardInterrupt:
            raise KeyboardInterrupt
        return line

    asked = []
    monkeypatch.setattr("builtins.input", read)
    assert converse(Database(mmscodec.open(SESSION)), asked.append) == 0
    assert asked == ["select count(*) as n\nfrom messages;\n", "select 1;\n"]
    out = capsys.readouterr().out
    assert "\nsessions\n" in out
    assert "length  BIGINT  bytes" in out
    assert history_file() == tmp_path / "mmscodec" / "sql_history"
    assert history_file().exists()


def test_queries_come_from_a_pipe(monkeypatch, run):
    words = "select 1 as a; select count(*) as n from sessions;"
    monkeypatch.setattr("sys.stdin", io.StringIO(words))
    status, out, _ = run("--csv", SESSION)
    assert (status, out) == (0, "n\n1\n")


def test_folders_and_captures_are_asked_apart(run, folder):
    assert run("select 1", str(folder / "own_losses.pcap"), SESSION)[0] == 2
