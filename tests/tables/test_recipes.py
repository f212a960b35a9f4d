"""The recipes of docs/tables.md do what they say."""

import json
import re
import shlex
from pathlib import Path

import mmscodec
import mmscodec.convert
from mmscodec import mms, winmx
from mmscodec.cli import main
from tests.tables.consumers import CAPTURES, capture, library

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "tables.md").read_text("utf-8")
BLOCKS = re.findall(r"^([^,\n]+)(?:,[^\n]*)?:\n\n```\w*\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)
RECIPES = dict(BLOCKS)  # by what stands before the first comma: what follows explains


def answer(title, path):
    assert RECIPES[title].count("\n") == 2
    names = {"duckdb": library("duckdb"), "cap": capture(path), "mmscodec": mmscodec}
    exec(RECIPES[title], names)  # names of tables are found as variables of the caller
    return names["answer"].fetchall()


def test_top_talkers():
    cap = capture("own/own_ntlm.pcap")
    got = answer("Top talkers", "own/own_ntlm.pcap")
    assert got == [("127.0.0.1", "127.0.0.1", int(cap.data["length"].sum()))]


def test_start_up_time():
    cap = capture("own/own_ntlm.pcap")
    ((session, _, name, seconds),) = answer("Start-up time per session", "own/own_ntlm.pcap")
    assert (session, name) == (0, "tiny.asf")
    assert abs(seconds * 1e9 - int(cap.sessions["start_up"][0])) < 1000


def test_player_versions():
    assert answer("All player versions", "own/own_ntlm.pcap") == [("NSPlayer", "9.0.0.2980", 1)]


def test_nodes_of_primaries():
    cap = capture("winmx/secondary.pcap")
    got = answer("Nodes per WinMX primary over time", "winmx/secondary.pcap")
    assert got
    assert len({server for server, _, _ in got}) == len(set(cap.nodes["flow"].tolist()))
    if len(got) == 1:
        keys = {(row["ip"], row["tcp_port"]) for row in winmx.unique_nodes(cap.nodes)}
        assert got[0][2] == len(keys)


def test_messages_as_files(tmp_path, capsys):
    library("pyarrow")
    for line in RECIPES["Every message as JSON lines and as Parquet"].strip().splitlines():
        words = shlex.split(line.replace("-o out", f"-o {tmp_path}"))[1:]
        assert main([*words[:-1], "-q", str(CAPTURES / "own/own_ntlm.pcap")]) == 0
    lines = (tmp_path / "messages.jsonl").read_text("utf-8").splitlines()
    wanted = capture("own/own_ntlm.pcap").messages
    assert [json.loads(line)["mid"] for line in lines] == wanted["mid"].tolist()
    assert library("pyarrow.parquet").read_table(tmp_path / "messages.parquet").num_rows == len(
        lines
    )


def test_the_way_back():
    library("pyarrow")
    cap, name = capture("own/own_ntlm.pcap"), "LinkViewerToMacOpenFile"
    (text,) = re.findall(r"## And back\n\n```python\n(.*?)```", PAGE, re.DOTALL)
    names = {"mmscodec": mmscodec, "cap": cap, "name": name}
    exec(text, names)
    again = mms.decode(names["packets"])
    assert again.column(name, "file_name").tolist() == cap.column(name, "file_name").tolist()


def test_every_name_on_the_page_is_a_table():
    named = re.findall(r"`(\w+)`", PAGE.partition("in every table")[0])
    known = capture("own/own_ntlm.pcap").tables
    assert {name for name in named if name != "RequestPacketListResend"} <= set(known)
    assert "RequestPacketListResend" in known
