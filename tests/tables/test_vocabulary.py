"""Direction and transport have one text everywhere, one number in rows, and one source of both."""

import csv
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest

import mmscodec
from mmscodec import mms, winmx
from mmscodec.capture import DIRECTIONS
from mmscodec.cli import main
from mmscodec.schema.mms import MESSAGES
from mmscodec.schema.vocabulary import (
    PROTOCOLS,
    TRANSPORTS,
    Direction,
    Protocol,
    Transport,
    direction_number,
)
from mmscodec.schema.winmx import PACKETS
from tests.tables.consumers import CAPTURES, capture, integers, library

FILES = (
    "own/own_pair_udp.pcap",
    "own/own_lost_middle.pcap",
    "winmx/secondary.pcap",
    "winmx/chat.pcap",
)
TEXTS = {Direction.UNKNOWN: "", Direction.TO_SERVER: "C>S", Direction.TO_CLIENT: "S>C"}
#: What other words there are for the same: none may stand in a column.
OTHERS = re.compile(
    r"C->S|S->C|c2s|s2c|(client|server) to (client|server)|to[ _](client|server)|TCP|UDP"
)
#: Columns that name one of the two peers, not a direction.
PEERS = {"transitions": {"side_name"}, "sessions": {"ended_by_name"}}
#: Every structured array of a capture that has rows of somebody's, and how it tells the direction.
ROWS = (
    "packets", "messages", "data", "faults", "findings", "gaps", "nodes", "winmx.packets",
    "winmx.nodes", "winmx.faults", "winmx.findings",
)  # fmt: skip


def array_of(cap, name):
    for part in name.split("."):
        cap = getattr(cap, part)
    return np.asarray(cap)


def test_there_is_one_text_of_each_number():
    assert dict(DIRECTIONS) == TEXTS
    assert dict(TRANSPORTS) == {Transport.TCP: "tcp", Transport.UDP: "udp"} == {6: "tcp", 17: "udp"}
    assert set(PROTOCOLS) == set(Protocol)
    for number, text in TEXTS.items():
        assert direction_number(text) is number
    with pytest.raises(ValueError, match="direction is 'C>S', 'S>C' or ''"):
        direction_number("client")


def test_the_schema_has_no_other_words():
    assert {message.direction for message in MESSAGES} == {"C>S", "S>C"}
    assert {packet.direction for packet in PACKETS} == set(TEXTS.values())


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("file", FILES)
def test_rows_hold_the_number_and_flows_its_text(file, name):
    cap = capture(file)
    rows = array_of(cap, name)
    assert rows.dtype["direction"] == np.dtype("u1")
    assert set(rows["direction"].tolist()) <= set(TEXTS)
    texts = dict(zip(cap.flows["flow"].tolist(), cap.flows["direction"].tolist()))
    for flow, number in zip(rows["flow"].tolist(), rows["direction"].tolist()):
        assert flow < 0 or TEXTS[number] == texts[flow]


@pytest.mark.parametrize("file", FILES)
def test_flows_and_sessions_hold_texts(file):
    cap = capture(file)
    assert set(cap.flows["direction"].tolist()) <= set(TEXTS.values())
    assert set(cap.flows["transport"].tolist()) <= set(TRANSPORTS.values())
    assert set(cap.sessions["transport"].tolist()) <= {"", *TRANSPORTS.values()}


@pytest.mark.parametrize("file", FILES)
def test_no_column_of_any_table_has_another_word(file):
    pa = library("pyarrow")
    cap = capture(file)
    seen = set()
    for name in cap.tables:
        table = pa.table(cap.table(name))
        for column in table.column_names:
            kind = table.schema.field(column).type
            if not pa.types.is_dictionary(kind):
                continue  # names of values are dictionaries; other texts are of the wire
            words = {word for word in integers(table[column]) if word is not None}
            if column == "direction":
                seen.add(name)
                assert words <= {"C>S", "S>C"}
            elif column == "transport":
                assert words <= set(TRANSPORTS.values())
            elif column in PEERS.get(name, ()):
                assert words <= {"client", "server"}
            else:
                assert not words & {"client", "server", "C>S", "S>C"}, column
                assert not [word for word in words if OTHERS.fullmatch(word)], column
    with_rows = {name for name in cap.tables if "flow" in cap.table(name).column_names}
    assert with_rows - seen <= {"sessions", "exchanges", "transitions"}


@pytest.mark.parametrize("file", FILES)
def test_the_command_line_says_what_the_rows_say(file, capsys):
    cap = capture(file)
    path = str(CAPTURES / file)
    assert main(["decode", "--json", path]) in (0, 3)
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert main(["decode", "--csv", path]) in (0, 3)
    table = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) > 10
    texts = dict(zip(cap.flows["flow"].tolist(), cap.flows["direction"].tolist()))
    for row in rows:
        assert row["direction"] == texts.get(row["flow"], "")
    assert [row["direction"] for row in table] == [row["direction"] for row in rows]
    assert main(["decode", path]) in (0, 3)
    lines = capsys.readouterr().out.splitlines()
    ways = [match[1] for line in lines if (match := re.match(r" *[\d.]+ +\d+ (\S+) +[A-Z]", line))]
    assert len(ways) > 5
    assert set(ways) <= {"C>S", "S>C", "?"}


@pytest.mark.parametrize("file", ["winmx/secondary.pcap", "winmx/chat.pcap"])
def test_batches_of_winmx_have_the_text(file):
    cap = capture(file)
    texts = dict(zip(cap.flows["flow"].tolist(), cap.flows["direction"].tolist()))
    for flow, batch in cap.winmx.batches:
        assert batch.direction == texts[flow]
    for wrong in ("client", "server", "C->S", 1):
        with pytest.raises(ValueError, match="direction is"):
            winmx.decode(b"", direction=wrong)
        with pytest.raises(ValueError, match="direction is"):
            winmx.Decoder(direction=wrong)


@pytest.mark.parametrize("wrong", ["TCP", 6, 17, "", "sctp"])
def test_transport_of_the_options_is_the_text(wrong):
    for call in (mms.decode, lambda _, **options: mms.Decoder(**options)):
        with pytest.raises(ValueError, match="transport"):
            call(b"", transport=wrong)
        for text in TRANSPORTS.values():
            call(b"", transport=text)


def test_documents_use_the_words():
    root = Path(mmscodec.__file__).parents[2]
    for name in ("README.md", "docs/tables.md", "docs/architecture.md"):
        path = root / name
        if path.exists():  # not beside an installed package
            assert not re.search(r"C->S|S->C", path.read_text(encoding="utf-8"))
