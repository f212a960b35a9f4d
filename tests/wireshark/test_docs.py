"""docs/wireshark.md: every field of Wireshark's own dissector, and names that there are."""

import re
import subprocess
from pathlib import Path

from mmscodec.schema import mms
from tests.wireshark import shark

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "wireshark.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (`msmms.*) \| (.*) \|$", PAGE, re.M)


def test_every_field_of_msmms_has_a_row():
    command = [shark.needs_tshark(), "-G", "fields"]
    listed = subprocess.run(command, capture_output=True, text=True, timeout=120).stdout
    theirs = {line.split("\t")[2] for line in listed.splitlines() if "\tmsmms." in line}
    ours = {name for left, _ in ROWS for name in re.findall(r"`(msmms[^`]*)`", left)}
    assert len(theirs) > 50
    assert theirs == ours


def inner(field):
    """Fields of a field that is a structure, or a list of one."""
    parts = field.struct.fields if field.struct is not None else ()
    return [f"{field.python_name}.{part.python_name}" for part in parts]


def test_every_field_that_is_named_is_one():
    fields = {
        name
        for struct in (*mms.MESSAGES, *mms.STRUCTS.values())
        for field in struct.fields
        for name in (field.python_name, *inner(field))
    }
    tables = {"packets", "messages", "data", "faults", "name", "direction", "length", "mmsc.name"}
    named = {name for _, right in ROWS for name in re.findall(r"`([^`]*)`", right)}
    assert named - fields - tables == {"packet-pair"}


def test_filters_that_are_named_are_there():
    text = shark.dissector()
    for name in re.findall(r"`((?:mmsc|winmx)\.[A-Za-z_.0-9]+)`", PAGE):
        assert f'"{name}"' in text or name.endswith((".name", ".fault", ".skipped")), name
