"""The same ten questions, asked through every library, have the same answers."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import mmscodec
from benchmarks.tables_corpus import pings
from mmscodec.schema.mms import message_name
from mmscodec.schema.values import DATA_KINDS
from mmscodec.schema.vocabulary import DIRECTIONS
from mmscodec.sql import Database
from tests.tables.consumers import CAPTURES, library

PUBLIC = Path(__file__).resolve().parents[3] / "shared" / "captures"
TABLES = ("messages", "data", "flows", "sessions")
SECOND = 10**9


def numpy_answers(cap):
    messages, data, flows = (np.asarray(rows) for rows in (cap.messages, cap.data, cap.flows))
    start_up = cap.sessions["start_up"]
    host = {int(row["flow"]): (str(row["src"]), str(row["dst"])) for row in flows}
    pairs = Counter()
    for flow, size in zip(data["flow"].tolist(), data["length"].tolist()):
        pairs[host[flow][1], host[flow][0]] += size  # from the server to the client
    return [
        dict(Counter(message_name(mid) for mid in messages["mid"].tolist())),
        dict(zip(*map(np.ndarray.tolist, sums(data["flow"], data["length"])))),
        ends_of(messages["time"]),
        dict(Counter(DATA_KINDS[kind] for kind in data["kind"].tolist())),
        [int((start_up >= 0).sum()), int(start_up[start_up >= 0].sum())],
        sorted({str(src) for src in flows["src"]}),
        {"|".join(pair): size for pair, size in pairs.items()},
        dict(Counter(DIRECTIONS[way] for way in messages["direction"].tolist() if way)),
        round(float(data["length"].mean()), 6) if len(data) else None,
        dict(Counter((messages["time"] // SECOND).tolist())),
    ]  # fmt: skip


def ends_of(times):
    return [int(times.min()), int(times.max())] if len(times) else [None, None]


def sums(keys, values):
    unique, index = np.unique(keys, return_inverse=True)
    return unique, np.bincount(index, values, len(unique)).astype(np.int64)


def pandas_answers(cap):
    pd = library("pandas")
    messages, data, flows, sessions = (pd.DataFrame.from_arrow(cap.table(name)) for name in TABLES)
    times = messages["time"].astype("int64")
    known = sessions["start_up"].dropna().astype("int64")
    peers = data.groupby(["client", "server"])["length"].sum() if len(data) else {}
    return [
        messages["mid_name"].astype(str).value_counts().to_dict(),
        data.groupby("flow")["length"].sum().to_dict(),
        ends_of(times),
        data["kind_name"].astype(str).value_counts().to_dict(),
        [len(known), int(known.sum())],
        sorted(flows["src"].unique()),
        {"|".join(pair): int(size) for pair, size in peers.items()},
        messages["direction"].dropna().astype(str).value_counts().to_dict(),
        round(float(data["length"].mean()), 6) if len(data) else None,
        (times // SECOND).value_counts().to_dict(),
    ]


def polars_answers(cap):
    pl = library("polars")
    messages, data, flows, sessions = (pl.DataFrame(cap.table(name)) for name in TABLES)

    def counted(column):
        found = column.drop_nulls().value_counts()
        return {str(key): n for key, n in found.iter_rows()}

    times = messages["time"].cast(pl.Int64)
    known = sessions["start_up"].drop_nulls().cast(pl.Int64)
    peers = data.group_by("client", "server").agg(pl.col("length").sum())
    return [
        counted(messages["mid_name"].cast(pl.String)),
        dict(data.group_by("flow").agg(pl.col("length").sum()).iter_rows()),
        [times.min(), times.max()],
        counted(data["kind_name"].cast(pl.String)),
        [len(known), known.sum()],
        sorted(flows["src"].unique().to_list()),
        {f"{client}|{server}": size for client, server, size in peers.iter_rows()},
        counted(messages["direction"].cast(pl.String)),
        round(data["length"].mean(), 6) if len(data) else None,
        dict((times // SECOND).value_counts().iter_rows()),
    ]


QUERIES = (
    "select mid_name, count(*) from messages group by all",
    "select flow, sum(length)::bigint from data group by all",
    "select epoch_ns(min(time)), epoch_ns(max(time)) from messages",
    "select kind_name, count(*) from data group by all",
    "select count(start_up), coalesce(sum(epoch_ns(start_up)), 0)::bigint from sessions",
    "select distinct src from flows order by all",
    "select client || '|' || server, sum(length)::bigint from data group by all",
    "select direction, count(*) from messages where direction is not null group by all",
    "select round(avg(length), 6) from data",
    "select epoch_ns(time) // 1000000000 as second, count(*) from messages group by all",
)


def asked(ask):
    answers = [ask(query) for query in QUERIES]
    pairs = (0, 1, 3, 6, 7, 9)
    return [
        dict(rows) if number in pairs
        else [value for row in rows for value in row] if number != 8 else rows[0][0]
        for number, rows in enumerate(answers)
    ]  # fmt: skip


def duckdb_answers(cap):
    connection = library("duckdb").connect()
    connection.execute("set TimeZone = 'UTC'").fetchall()
    for name in TABLES:
        connection.register(name, cap.table(name))
    return asked(lambda query: connection.execute(query).fetchall())


def parquet_answers(cap, folder):
    # by pyarrow, from the files
    pq, pc = library("pyarrow.parquet"), library("pyarrow.compute")
    cap.write_parquet(folder, TABLES)
    messages, data, flows, sessions = (pq.read_table(folder / f"{name}.parquet") for name in TABLES)

    def counted(column):
        found = pc.value_counts(column.drop_null())
        return {item["values"]: item["counts"] for item in found.to_pylist()}

    times = messages["time"].cast("int64")
    known = sessions["start_up"].drop_null().cast("int64")
    span = pc.min_max(times).as_py()
    by_flow = data.group_by("flow").aggregate([("length", "sum")]).to_pydict()
    peers = data.group_by(["client", "server"]).aggregate([("length", "sum")]).to_pylist()
    mean = pc.mean(data["length"]).as_py()
    return [
        counted(messages["mid_name"].cast("string")),
        dict(zip(by_flow["flow"], by_flow["length_sum"])),
        [span["min"], span["max"]],
        counted(data["kind_name"].cast("string")),
        [len(known), pc.sum(known).as_py() or 0],
        sorted(flows["src"].unique().to_pylist()),
        {f"{row['client']}|{row['server']}": row["length_sum"] for row in peers},
        counted(messages["direction"].cast("string")),
        None if mean is None else round(mean, 6),
        counted(pc.divide(times, SECOND)),
    ]


def sql_answers(cap, folder):
    of_capture = Database(cap)
    of_files = Database(folders=[folder], empty=cap)
    first = asked(lambda query: list(of_capture.query(query).rows()))
    assert first == asked(lambda query: list(of_files.query(query).rows()))
    return first


def microseconds(answers):
    # an interval of DuckDB has microseconds
    count, total = answers[4]
    return [*answers[:4], [count, pytest.approx(total, abs=1000 * count)], *answers[5:]]


def ask_all(cap, folder):
    truth = numpy_answers(cap)
    json.dumps(truth)  # plain numbers and texts
    for answers in (pandas_answers(cap), polars_answers(cap), parquet_answers(cap, folder)):
        assert answers == truth
    for answers in (duckdb_answers(cap), sql_answers(cap, folder)):
        assert answers == microseconds(truth)
    return truth


def test_captures(tmp_path):
    messages = 0
    paths = sorted([*CAPTURES.glob("own/*.pcap*"), *CAPTURES.glob("mms/*.pcap*")])
    for number, path in enumerate(paths[::4]):
        with mmscodec.open(path) as cap:
            messages += sum(ask_all(cap, tmp_path / str(number))[0].values())
    assert messages > 200


@pytest.mark.skipif(not PUBLIC.is_dir(), reason="the public captures are not beside the project")
def test_public_captures(tmp_path):
    flows = 0
    known = [path for path in sorted((PUBLIC / "mms").rglob("*.pcap*")) if path.is_file()]
    for number, path in enumerate([*known[::2], *sorted(PUBLIC.rglob("*.pcap*"))[::40]]):
        try:
            with mmscodec.open(path) as cap:
                flows += len(cap.flows) > 0
                ask_all(cap, tmp_path / str(number))
        except mmscodec.errors.CaptureError:
            continue
    assert flows > 5


def test_a_million_messages(tmp_path):
    pings(tmp_path / "million.pcap", 1_000_020)
    with mmscodec.open([*sorted(CAPTURES.glob("own/*.pcap")), tmp_path / "million.pcap"]) as cap:
        truth = ask_all(cap, tmp_path / "tables")
    assert sum(truth[0].values()) > 1_000_000
