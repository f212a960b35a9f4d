"""Rules of single fields: each one, broken alone, gives one finding and nothing else does."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmscodec import mms
from mmscodec.schema import mms as schema
from mmscodec.schema.findings import (
    FINDING_TEXTS,
    FindingCode,
    FindingTable,
    Severity,
    paths,
)
from tests import strategies, vectorfiles
from tests.findinghelp import GUID, found, message, named
from tests.oracle import mms as oracle

VECTORS = vectorfiles.load("mms")
CANDIDATES = {
    "f64": (0.25, -7.5, 7.5),
    "bytes": (),
    "ansi": ("zzz",),
    "utf16": ("zzz",),
}
RULES = [
    (struct, path, field)
    for struct in (*schema.MESSAGES, schema.RESEND)
    for path, field in paths(struct)
    if field.rule is not None and field.name not in ("MID", "Signature", "wNumPackets")
]


def nested(path, value):
    """{"log": {"info": {"rate": 1}}} from a dotted specification name."""
    struct = schema.BY_NAME["LinkViewerToMacLogging"]
    names = []
    for part in path.split("."):
        field = struct[part]
        names.append(field.python_name)
        struct = field.struct
    for name in reversed(names):
        value = {name: value}
    return value


def breaks(rule, value):
    if rule.equal is not None:
        return value != rule.equal
    if rule.one_of:
        return value not in rule.one_of
    return bool(rule.pattern) or not rule.low <= value <= rule.high


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_vectors_have_the_findings_their_file_lists(vector):
    got = [
        f"{name} {severity.name.lower()}"
        for name, _, severity, _ in found(vector.data, transport=vector.transport)
    ]
    assert sorted(got) == sorted(vector.expected.get("findings", []))


@pytest.mark.parametrize("name", [*schema.BY_NAME, "RequestPacketListResend"])
def test_what_the_encoder_makes_by_itself_breaks_no_rule(name):
    wire = message(name)
    assert found(wire, transport="udp" if name.startswith("Request") else "tcp") == []
    assert len(mms.decode(mms.encode([wire[32:]], chunk_count="spec")).findings) == 0


@pytest.mark.parametrize(
    ("struct", "path", "field"), RULES, ids=lambda item: getattr(item, "name", item)
)
def test_each_rule_broken_alone_gives_one_finding(struct, path, field):
    values = CANDIDATES.get(field.kind, (0x5A, 0x7777, 0x7A7A7A7A))
    if field.kind == "bytes":
        values = (b"\1" * field.size,)
    value = next(item for item in values if field.kind == "bytes" or breaks(field.rule, item))
    fields = nested(path, value) if "." in path else {field.python_name: value}
    wire = message(struct.name, **fields)
    rule = field.rule
    severity = Severity.VIOLATION
    if rule.ignored:
        severity = Severity.UNINITIALISED
    elif rule.level == "should" or rule.loose:
        severity = Severity.DEVIATION
    ((name, code, seen_severity, offset),) = found(wire)
    assert name == f"{struct.name}.{path}"
    assert code <= FindingCode.BAD_GRAMMAR
    assert seen_severity is severity
    if "." not in path and field.offset is not None:
        assert offset == 32 + field.offset
        check_bits(mms.decode(wire).findings, field, value)


def check_bits(findings, field, value):
    (row,) = findings[findings["code"] != FindingCode.CHUNK_COUNT]
    if field.kind == "f64":
        assert int(row["seen"]) == np.float64(value).view("<u8")
    elif field.kind == "u32":
        assert row["seen"] == value
        if field.rule.equal is not None:
            assert row["expected"] == field.rule.equal


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        (struct.name, field.python_name, value)
        for struct, path, field in RULES
        for value in field.rule.known
        if "." not in path
    ],
)
def test_values_that_real_peers_are_known_for_are_deviations(name, field, value):
    ((_, _, severity, _),) = found(message(name, **{field: value}))
    assert severity is Severity.DEVIATION


@pytest.mark.parametrize(
    ("name", "field", "good", "bad"),
    [
        (
            "LinkViewerToMacConnectFunnel",
            "funnel_name",
            [r"\\127.0.0.1\UDP\65535", r"\\::1\TCP\1", r"\\fe80::1:2.3.4.5\TCP\10000"],
            [r"\\1.2.3.4\UDP\0", r"\\1.2.3.4\UDP\65536", r"\\1.2.3\TCP\80", r"\1.2.3.4\TCP\80",
             r"\\1.2.3.4\tcp\80", r"\\1.2.3.4\TCP\9" + "9" * 300, r"\\1.2.3.4\TCP",
             r"\\:" + ":" * 10**5],
        ),
        (
            "LinkViewerToMacConnect",
            "subscriber_name",
            ["Spooooon!", "Spoooon!", f"NSPlayer/4.1; {GUID}",
             f"NSPlayer/10.0.0.3802; {GUID}; Host: h:8080\0HOST: h\0VIA: p/1, q"],
            ["", "Spon", "NSPlayer/9.0", f"NSPlayer/x; {GUID}", f"NSPlayer/9.0; {GUID[:-2]}",
             "Spoooon!\0VIA: a\0HOST: b", "Sp" + "o" * 10**5],
        ),
        (
            "LinkMacToViewerReportConnectedEX",
            "server_version_info",
            ["9.0", "4.1.0.3930", "9.00.1.2"],
            ["", "9", "9.", "9.0.", "123.0", "9.0.1.2.3", "9.0.12345", "9.0 "],
        ),
        (
            "LinkMacToViewerReportRedirect",
            "wsz_location",
            ["", "mms://h/p", "mmst://h:1755/p", "mmsu://h"],
            ["h/p", "http://h/p", "mms:/h", "mms://"],
        ),
    ],
)  # fmt: skip
def test_grammars_of_strings(name, field, good, bad):
    for text in good:
        assert found(message(name, **{field: text})) == [], text
    for text in bad:
        rows = found(message(name, **{field: text}))
        assert [row[1] for row in rows] == [FindingCode.BAD_GRAMMAR], text


def test_every_code_has_words():
    assert set(FINDING_TEXTS) == set(FindingCode)


@given(messages=st.lists(strategies.messages(), min_size=1, max_size=6))
@settings(max_examples=150)
def test_rules_agree_with_the_oracle(messages):
    """The vectorised rules and a plain loop over fields find the same."""
    sides = {schema.BY_NAME[name].direction for name, _ in messages}
    wire = b"".join(mms.encode(name, seq=i, **f) for i, (name, f) in enumerate(messages))
    batch = mms.decode(wire)
    got = {
        (int(row["row"]), named(row))
        for row in batch.findings
        if row["code"] <= FindingCode.OUT_OF_RANGE and row["table"] == FindingTable.MESSAGES
    }
    wanted = set()
    for number, packet in enumerate(oracle.stream(wire)):
        wanted |= {(number, name) for name in plain_findings(packet.messages[0])}
    checked = {row for row in got if not row[1].endswith((".position", ".fileDuration"))}
    assert {row for row in checked if "STREAM_SWITCH_ENTRY" not in row[1]} == wanted
    wrong = (batch.findings["code"] == FindingCode.WRONG_DIRECTION).any()
    assert wrong == (len(sides) > 1)


def plain_findings(parsed):
    struct = schema.BY_NAME[parsed.name]
    if parsed.name == "LinkMacToViewerReportOpenFile" and parsed.fields["hr"] >> 31:
        return set()
    out = set()
    for path, field in paths(struct):
        value = parsed.fields
        owner = struct
        for part in path.split("."):
            name = owner[part].python_name
            if name not in value:
                break
            value, owner = value[name], owner[part].struct
        else:
            if field.rule and not field.rule.pattern and field.name != "MID":
                value = readable(field, value)
                if value is not None and not keeps(field.rule, value):
                    out.add(f"{parsed.name}.{path}")
    return out


def readable(field, value):
    if field.kind == "ansi":
        return value.split(b"\0", 1)[0].decode("latin-1")
    if field.kind != "utf16":
        return value
    return oracle.text_of(field, value) if value or not field.optional else None


def keeps(rule, value):
    if rule.equal is not None:
        return value == rule.equal
    if rule.one_of:
        return value in rule.one_of
    return rule.low <= value <= rule.high and not (rule.not_zero and value == 0)


@given(
    wire=st.lists(strategies.messages(), min_size=1, max_size=4),
    changes=st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=8),
)
@settings(max_examples=150)
def test_damaged_streams_give_findings_without_errors(wire, changes):
    data_bytes = bytearray(b"".join(mms.encode(name, **fields) for name, fields in wire))
    for place, value in changes:
        data_bytes[place % len(data_bytes)] = value
    batch = mms.decode(bytes(data_bytes))
    assert len(batch.findings.text()) == len(batch.findings)
    assert ((batch.findings["offset"] >= 0) & (batch.findings["offset"] < len(data_bytes))).all()
