"""`--flow`, `--from`, `--to` and `--limit`: each command says what the full answer says of them."""

import csv
import io
import json
from functools import cache

import pytest

import mmscodec
from mmscodec.cli.choice import Choice, moment
from mmscodec.cli.chosen import choose
from tests.cli.places import CAPTURES, run

FILES = [
    str(CAPTURES / "cases" / "port-reused-after-fin-no-syn.pcap"),
    str(CAPTURES / "mms" / "libmms_seek.pcap"),
    str(CAPTURES / "winmx" / "secondary.pcap"),
]
#: Flows of both protocols, and a time within the second capture by its clock.
WORDS = [
    ["--flow", "0", "--flow", "5", "--flow", "6", "--flow", "7"],
    ["--from", "2026-11-21T00:02:15.06Z", "--to", "2026-11-21T00:02:15.1Z"],
    ["--from", "0", "--to", "30.05"],
    ["--from", "0.01", "--flow", "1", "--flow", "4", "--flow", "5"],
]
IDS = [" ".join(words) for words in WORDS]
REFERENCES = {"packet": "winmx_packets", "message": "messages", "first_message": "messages",
              "request": "messages", "response": "messages", "data": "data",
              "end_message": "messages"}  # fmt: skip
FOUND_IN = {"packets": "packets", "messages": "messages", "data": "data", "nodes": "nodes",
            "winmx_packets": "winmx_packets"}  # fmt: skip


def lines(*words):
    status, out, err = run(words)
    assert status in (0, 3), err
    return [json.loads(line) for line in out.splitlines()]


@cache
def everything():
    """All rows of `decode`."""
    return lines("decode", "--json", *FILES)


def wanted(words):
    """The flows asked for, and the first and last moment, in ns."""
    flows = {int(words[at + 1]) for at, word in enumerate(words) if word == "--flow"}
    first = min(row["time_ns"] for row in everything() if "time_ns" in row)
    ends = []
    for option, default in (("--from", -(1 << 63)), ("--to", (1 << 63) - 1)):
        found = moment(words[words.index(option) + 1]) if option in words else None
        ends.append(default if found is None else found.ns + first * found.relative)
    return flows, ends[0], ends[1]


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """Every table of the captures, row by row, times in ns."""
    out = {}
    with mmscodec.open(FILES) as capture:
        for name in capture.tables:
            out[name] = rows_of(capture.table(name))
    return out


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The same as files."""
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    folder = tmp_path_factory.mktemp("full")
    lines("convert", "--json", "--format", "jsonl", "-o", folder, "--tables", "all", *FILES)
    return folder


def rows_of(table):
    columns = {}
    for column in table.columns:
        if column.type.format[:1] in "ilLIsSCct" and column.type.dictionary is None:
            columns[column.name] = table.numbers(column.name).tolist()
    names = list(columns)
    return [dict(zip(names, values)) for values in zip(*columns.values())]


def expected(full, words):
    """The indices of rows of each table that are of the flows and times asked for."""
    flows, since, until = wanted(words)

    def of_session(row):
        ends = ("client_flow", "server_flow", "data_flow", "resend_flow")
        return not flows or flows & {row[name] for name in ends}

    def kept(name, row):
        if name in ("flows", "sessions"):
            first, last = ("first_time", "last_time") if name == "flows" else ("start", "end")
            mine = of_session(row) if name == "sessions" else not flows or row["flow"] in flows
            return mine and row[last] >= since and row[first] <= until
        mine = (
            of_session(full["sessions"][row["session"]])
            if name in ("exchanges", "transitions")
            else not flows or row["flow"] in flows
        )
        return mine and since <= row["time"] <= until

    return {
        name: [at for at, row in enumerate(rows) if kept(name, row)] for name, rows in full.items()
    }


@pytest.mark.parametrize("words", WORDS, ids=IDS)
def test_tables_hold_the_rows_of_the_full_ones_and_refer_to_each_other(
    full, written, words, tmp_path
):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    places = expected(full, words)
    assert any(places.values())
    for more in (["--tables", "all"], []):  # the whole, and batch by batch
        target = tmp_path / f"some{len(more)}"
        told = lines("convert", "--json", "--format", "jsonl", "-o", str(target), *more, *words,
                     *FILES)  # fmt: skip
        streamed = {"findings", "sessions", "exchanges", "transitions"} if not more else set()
        assert {item["table"]: item["rows"] for item in told} == {
            name: len(rows) for name, rows in places.items() if rows and name not in streamed
        }
        for item in told:
            check(item["table"], written, target, places)


def check(name, whole, part, places):
    """Rows of a file are those of the full one, with references to the same rows."""
    before = [json.loads(line) for line in (whole / f"{name}.jsonl").read_text().splitlines()]
    after = [json.loads(line) for line in (part / f"{name}.jsonl").read_text().splitlines()]
    chosen = [before[at] for at in places[name]]
    if name == "flows" and part.name == "some0":  # in the order of their end
        chosen.sort(key=lambda row: row["flow"])
        after.sort(key=lambda row: row["flow"])
    for old, new in zip(chosen, after, strict=True):
        for column, value in new.items():
            target = REFERENCES.get(column)
            if column == "packet" and name == "messages":
                target = "packets"
            if column == "row" and name == "findings":
                target = FOUND_IN[old["table_name"]]
            if target is None or not isinstance(old[column], int):
                assert value == old[column], (name, column)
            elif value is None:
                assert old[column] not in places[target]
            else:
                assert places[target][value] == old[column]


@pytest.mark.parametrize("words", WORDS, ids=IDS)
def test_sql_answers_of_these_rows(full, words):
    pytest.importorskip("duckdb", reason="duckdb is not installed")
    places = expected(full, words)
    names = ("messages", "data", "flows", "nodes", "sessions", "exchanges", "findings")
    query = " union all ".join(f"select '{name}' as name, count(*) as rows from {name}"
                               for name in names)  # fmt: skip
    found = {row["name"]: row["rows"] for row in lines("sql", "--json", query, *words, *FILES)}
    assert found == {name: len(places[name]) for name in names}


@pytest.mark.parametrize("words", WORDS, ids=IDS)
def test_decode_stats_and_sessions_agree_with_them(full, words):
    places = expected(full, words)
    rows = lines("decode", "--json", *words, *FILES)
    kinds = [row["type"] for row in rows]
    assert kinds.count("data") == len(places["data"])
    assert kinds.count("message") == len(places["messages"]) + len(places["winmx_packets"])
    flows, since, until = wanted(words)
    whole = everything()
    assert rows == [
        row for row in whole
        if since <= row["time_ns"] <= until and (not flows or row["flow"] in flows)
    ]  # fmt: skip
    counts = json.loads(run(["stats", "--json", *words, *FILES])[1])
    assert sum(counts["messages"].values()) == kinds.count("message")
    assert sum(kind["packets"] for kind in counts["data"].values()) == len(places["data"])
    assert counts["nodes"] == len(places["nodes"])
    sessions = lines("sessions", "--json", *words, *FILES)
    assert [row["session"] for row in sessions] == places["sessions"]


@pytest.mark.parametrize("words", WORDS, ids=IDS)
def test_files_are_of_these_sessions_and_flows(full, words, tmp_path):
    places = expected(full, words)
    status, out, err = run(["extract", "--json", "-o", tmp_path / "media", *words, *FILES])
    made = [json.loads(line) for line in out.splitlines()]
    assert {item["session"] for item in made} <= set(places["sessions"])
    if not places["sessions"]:
        assert status == 1, err
    target = tmp_path / "streams"
    status, out, err = run(["export", "--json", "--format", "raw", "-o", target, *words, *FILES])
    assert status in (0, 3), err
    told = [json.loads(line) for line in out.splitlines()]
    assert [item["flow"] for item in told] == places["flows"]
    with mmscodec.open(FILES) as capture:
        for item in told[:3]:
            with open(item["path"], "rb") as file:
                assert file.read() == capture.stream(item["flow"])


def test_things_of_a_flow_are_explained_by_their_time():
    flow = ["--flow", "5", "--limit", "1000", "--json"]
    whole = lines("explain", *flow, *FILES)
    times = ["--from", "2026-11-21T00:02:15.06Z", "--to", "2026-11-21T00:02:15.1Z"]
    _, since, until = wanted(times)
    some = lines("explain", *flow, *times, *FILES)
    assert some == [
        row for row in whole if row["time"] is not None and since <= row["time"] <= until
    ]
    assert 0 < len(some) < len(whole)


def test_rows_of_no_table_are_wanted_where_none_is_asked_for():
    with mmscodec.open(FILES[0]) as capture:
        assert choose(capture, Choice()) is None
        table = capture.table("messages")
        with pytest.raises(ValueError, match="rows and not 1"):
            table.where([True])


@pytest.mark.parametrize(
    ("command", "more"),
    [
        ("decode", ["--json"]), ("sessions", ["--json"]), ("sessions", ["--csv"]),
        ("explain", ["--json", "--flow", "0"]), ("sql", ["--json", "from messages"]),
        ("sql", ["--csv", "from messages order by time desc"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("count", [1, 2, 10_000])
def test_a_limit_gives_the_first_rows(command, more, count):
    if command == "sql":
        pytest.importorskip("duckdb", reason="duckdb is not installed")
    whole = run([command, "--limit", "10000", *more, *FILES])[1].splitlines()
    status, out, _ = run([command, "-c", str(count), *more, *FILES])
    assert status in (0, 3)
    heads = 1 if "--csv" in more else 0
    assert out.splitlines() == whole[: count + heads]


def test_a_limit_of_files_flows_and_a_page(tmp_path):
    assert len(lines("extract", "--json", "-c", "1", "-o", str(tmp_path), *FILES)) == 1
    target = str(tmp_path / "streams")
    told = lines("export", "--json", "--format", "raw", "-c", "2", "-o", target, *FILES)
    assert [item["flow"] for item in told] == [0, 1]
    counts = json.loads(run(["stats", "--json", "-c", "2", *FILES])[1])
    assert [flow["flow"] for flow in counts["flows"]] == [0, 1]


def test_files_are_told_as_json_csv_and_words(tmp_path):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    for command in ("extract", "convert", "export --format raw"):
        words = [*command.split(), "--overwrite", "-o", str(tmp_path / command.split()[0])]
        rows = lines(*words, "--json", *FILES)
        _, out, _ = run([*words, "--csv", *FILES])
        found = list(csv.DictReader(io.StringIO(out.decode())))
        assert [row["path"] for row in found] == [row["path"] for row in rows]
        assert list(found[0]) == list(rows[0])
        _, out, _ = run([*words, *FILES])
        assert all(row["path"] in out.decode() for row in rows)


def test_parquet_files_are_asked_by_the_query(tmp_path):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    pytest.importorskip("duckdb", reason="duckdb is not installed")
    run(["convert", "-o", tmp_path, FILES[0]])
    for words in (["--flow", "1"], ["--port", "1755"], ["--charset", "gbk"], ["--follow"]):
        status, out, err = run(["sql", *words, "from messages", tmp_path])
        assert (status, out) == (2, b"")
        assert f"{words[0]} is for captures" in err


def test_files_may_stand_on_both_sides_of_options():
    usual = run(["stats", "--json", *FILES])
    assert run(["stats", FILES[0], "--json", *FILES[1:]]) == usual
    assert run(["stats", FILES[0], "-r", FILES[1], "--json", FILES[2]])[0] == usual[0]
    status, _, err = run(["stats", FILES[0], "--no-such-option", "-x"])
    assert status == 2
    assert "unrecognized arguments: --no-such-option -x" in err
    status, _, err = run(["wireshark", FILES[0]])
    assert status == 2
    assert "unrecognized arguments" in err
