"""The MMS tables are consistent in themselves and agree with the specification notes."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mmscodec.schema import dtypes, mms
from mmscodec.schema.fields import KIND_SIZES
from mmscodec.schema.values import HRESULTS

ROOT = Path(__file__).resolve().parents[2]
SPEC = json.loads((ROOT / "tests/vectors/spec/mms.json").read_text(encoding="utf-8"))
STRUCTURES = (*mms.MESSAGES, *mms.STRUCTS.values())
PUBLISHED = {
    item["name"]: item
    for item in (
        SPEC["tcp_header"], SPEC["data_packet"], *SPEC["messages"], *SPEC["structs"], SPEC["udp"][0]
    )
}  # fmt: skip

every_structure = pytest.mark.parametrize("struct", STRUCTURES, ids=lambda item: item.name)
every_message = pytest.mark.parametrize("message", mms.MESSAGES, ids=lambda item: item.name)

# fields with a rule that the notes state in words, not in the rule column
EXTRA_RULES = {
    ("CLIENT_LOG", "cbSize"),
    ("CLIENT_LOG_INFO", "cbSize"),
    ("CLIENT_LOG_INFO", "dwMinReceptionQuality"),
    ("Data", "playIncarnation"),
}
# rules of the notes that compare fields or times; findings check them
CROSS_RULES = {
    ("TcpMessageHeader", "timeSent"),
    ("LinkMacToViewerReportStartedPlaying", "tigerFileId"),
}


def number(text):
    return int(text, 16) if isinstance(text, str) and text.startswith("0x") else text


@every_structure
def test_offsets_of_fixed_fields_are_contiguous(struct):
    at = 0
    for field in struct.fixed:
        assert field.offset == at
        at += field.size
    assert at == struct.fixed_size


@every_structure
def test_fields_of_variable_length_come_last(struct):
    kinds = [field.variable for field in struct.fields]
    assert kinds == sorted(kinds)


@every_structure
def test_sizes_of_numbers_follow_from_their_kind(struct):
    for field in struct.fixed:
        assert field.size == KIND_SIZES.get(field.kind, field.size)


@every_structure
def test_dtype_is_the_fixed_part_byte_for_byte(struct):
    dtype = dtypes.struct_dtype(struct)
    assert dtype.itemsize == struct.fixed_size
    assert list(dtype.names) == [field.python_name for field in struct.fixed]
    assert [dtype.fields[name][1] for name in dtype.names] == [f.offset for f in struct.fixed]


@every_structure
def test_names_are_unique(struct):
    names = [field.python_name for field in struct.fields]
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() for name in names)


@every_structure
def test_counts_and_starts_name_fields_of_the_fixed_part(struct):
    fixed = {field.name for field in struct.fixed}
    for field in struct.variable:
        assert not field.count or field.count in fixed
        assert not field.start or field.start in fixed


@every_structure
def test_fields_agree_with_the_notes(struct):
    published = PUBLISHED[struct.name]
    assert struct.section == published["section"]
    assert [field.name for field in struct.fields] == [f["name"] for f in published["fields"]]
    for field, row in zip(struct.fields, published["fields"], strict=True):
        kind = row["type"]
        ours = {"utf16": "utf16le", "ansi": "ansi string"}.get(field.kind, field.kind)
        if field.struct is not None:
            assert kind.endswith(field.struct.name)
        elif field.kind == "array":
            assert kind == "array of u32"
        else:
            assert ours == kind, field.name
        assert field.size == row["size"], field.name
        if row["offset"] is not None:
            assert field.offset == row["offset"], field.name


@every_structure
def test_rules_agree_with_the_notes(struct):
    for field, row in zip(struct.fields, PUBLISHED[struct.name]["fields"], strict=True):
        where = (struct.name, field.name)
        stated = row["must"] if row["must"] is not None else row["should"]
        if where in CROSS_RULES:
            assert field.rule is None
            continue
        if stated is None:
            # grammars of strings stand in the text of the notes
            assert field.rule is None or field.kind == "utf16" or where in EXTRA_RULES, where
            continue
        rule = field.rule
        assert rule is not None, where
        assert rule.level == ("must" if row["must"] is not None else "should"), where
        if isinstance(stated, dict) and "one_of" in stated:
            assert set(rule.one_of) == {number(value) for value in stated["one_of"]}, where
        elif isinstance(stated, dict):
            assert (rule.low, rule.high) == (number(stated["min"]), number(stated["max"])), where
            assert rule.not_zero == ("not" in stated), where
        elif field.kind == "bytes":
            assert rule.equal == bytes(field.size), where
        else:
            assert rule.equal == number(stated), where


@every_message
def test_message_sizes_agree_with_the_notes(message):
    published = PUBLISHED[message.name]
    assert message.mid == number(published["mid"])
    assert message.direction == published["direction"].replace("->", ">")
    assert message.min_size == published["fixed_size"]
    assert -(-message.min_size // 8) == published["min_chunk_len"]
    assert (message.mid >> 16 == 3) == (message.direction == "C>S")


def test_there_are_28_messages_with_their_own_mids():
    assert len(mms.MESSAGES) == 28
    assert len(mms.BY_MID) == len(mms.BY_NAME) == 28
    assert {item["name"] for item in SPEC["messages"]} == set(mms.BY_NAME)


def test_optional_fields_of_start_playing_need_larger_chunk_lens():
    message = mms.BY_NAME["LinkViewerToMacStartPlaying"]
    optional = [field for field in message.fields if field.needs_chunk_len]
    assert {field.name: field.needs_chunk_len for field in optional} == {
        "dwAccelBandwidth": 6,
        "dwAccelDuration": 6,
        "dwLinkBandwidth": 7,
    }
    assert all(field.offset + field.size <= 8 * field.needs_chunk_len for field in optional)


def test_secrets_are_marked():
    secret = {
        (item.name, field.name) for item in STRUCTURES for field in item.fields if field.secret
    }
    assert secret == {
        ("LinkMacToViewerSecurityChallenge", "pToken"),
        ("LinkViewerToMacSecurityResponse", "pToken"),
        ("LinkViewerToMacOpenFile", "tokenData"),
        ("NTLM_AUTH", "NTLMToken"),
    }


@every_structure
def test_value_names_agree_with_the_notes(struct):
    for field, row in zip(struct.fields, PUBLISHED[struct.name]["fields"], strict=True):
        stated = {number(key) for key in row["enum"] or {} if key.startswith("0x")}
        if (struct.name, field.name) == ("Data", "playIncarnation"):
            continue  # a tag with two remarks, not an enumeration
        assert stated <= set(field.values), (struct.name, field.name)


def test_every_hresult_of_the_notes_has_a_name():
    stated = {number(row["value"]) for row in SPEC["hresults"]} - {0x20000000}
    assert stated <= set(HRESULTS)
    assert len({name for name, _ in HRESULTS.values()}) == len(HRESULTS)


def test_generated_files_are_up_to_date():
    run = subprocess.run(
        [sys.executable, ROOT / "tools/gen_layout.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, f"run python tools/gen_layout.py: {run.stdout}{run.stderr}"


def test_the_generated_table_holds_every_message():
    text = (ROOT / "src/mmscodec/_kernels/include/mmscodec_layout.h").read_text(encoding="utf-8")
    _, _, table = text.partition("mms_kind_mid[")
    for message in mms.MESSAGES:
        assert f" 0x{message.mid:08X}u," in table.partition("}")[0]


def test_fault_and_field_numbers_of_kernels_stand_in_the_layout_alone():
    copied = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in (ROOT / "src").rglob("*.p*")
        if path.suffix in (".pyx", ".pxd") and path.name != "layout.pxd"
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.match(r"\s+(FAULT|FIELD)_\w+ = ", line)
    ]
    assert not copied
