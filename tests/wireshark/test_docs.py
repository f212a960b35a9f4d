"""Every field of Wireshark's own dissector is in docs/coming-from-tshark.md; names are true."""

import re
import subprocess

import mmscodec
from mmscodec.schema.values import DATA_KINDS
from tests.docs.blocks import ROOT
from tests.tables.consumers import CAPTURES
from tests.wireshark import shark

PAGE = (ROOT / "docs" / "wireshark.md").read_text(encoding="utf-8")
FIELDS = (ROOT / "docs" / "coming-from-tshark.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (`msmms\..*?) \| (.*?) \| ?(.*?) ?\|$", FIELDS, re.M)


def test_every_field_of_msmms_has_a_row():
    command = [shark.needs_tshark(), "-G", "fields"]
    listed = subprocess.run(command, capture_output=True, text=True, timeout=120).stdout
    theirs = {line.split("\t")[2] for line in listed.splitlines() if "\tmsmms." in line}
    ours = {name for left, _, _ in ROWS for name in re.findall(r"`(msmms[^`]*)`", left)}
    assert len(theirs) > 50
    assert theirs == ours


def columns(cap):
    """`table.column` of everything, with the payload that is only there when it is asked for."""
    tables = {name: cap.table(name) for name in cap.tables}
    tables["data"] = cap.table("data", payload=True)
    return {f"{name}.{column}" for name, table in tables.items() for column in table.column_names}


def test_every_row_names_columns_that_there_are_or_a_reason():
    with mmscodec.open(CAPTURES / "own/own_ntlm.pcap") as cap:
        known = columns(cap)
        tables = set(cap.tables)
    for field, here, remark in ROWS:
        named = re.findall(r"`([^`]+)`", here)
        assert named or (here == "none" and remark), field
        assert set(named) <= known | tables, field
        dotted = re.findall(r"`(\w+\.\w+)`", remark)
        assert set(dotted) <= known, field
    assert DATA_KINDS[2] == "packet-pair"


def test_filters_that_are_named_are_there():
    text = shark.dissector()
    for name in re.findall(r"`((?:mmsc|winmx)\.[A-Za-z_.0-9]+)`", PAGE):
        assert f'"{name}"' in text or name.endswith((".name", ".fault", ".skipped")), name
