"""`batch.findings`: each rule, broken alone, gives its own finding and nothing else does."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mmscodec
from mmscodec import mms
from mmscodec.schema import mms as schema
from mmscodec.schema.findings import (
    FINDING_FIELDS,
    FINDING_TEXTS,
    FindingCode,
    FindingTable,
    Severity,
    paths,
)
from tests import strategies, vectorfiles
from tests.oracle import mms as oracle

VECTORS = vectorfiles.load("mms")
CAPTURES = sorted((Path(__file__).resolve().parents[1] / "captures/mms").glob("*.pcap*"))
GUID = "{68c0a090-8797-11d2-a2b3-00a0c9b60551}"
GOOD = {
    "LinkViewerToMacConnect": {"subscriber_name": f"NSPlayer/9.0.0.2980; {GUID}; Host: h:80"},
    "LinkViewerToMacConnectFunnel": {"funnel_name": r"\\10.1.2.3\TCP\1037"},
    "LinkViewerToMacOpenFile": {"file_name": "a/b.asf"},
    "LinkViewerToMacStreamSwitch": {"a_stream_entries": [(0xFFFF, 1, 0)]},
    "LinkMacToViewerReportConnectedEX": {
        "version_info": "9.0.0.2980",
        "version_url": "http://h/",
        "authen_package": "NTLM",
    },
    "RequestPacketListResend": {"dw_begin_packet_list": [1]},
}
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


def found(wire, **options):
    """Findings other than chunkCount as (field, code, severity, offset)."""
    batch = mms.decode(wire, **options)
    assert batch.faults.text() == []
    return [
        (named(row), FindingCode(int(row["code"])), Severity(int(row["severity"])), row["offset"])
        for row in batch.findings
        if row["code"] != FindingCode.CHUNK_COUNT
    ]


def named(row):
    struct, path, _ = FINDING_FIELDS[int(row["field"])]
    return f"{struct.name}.{path}"


def short(wire, **options):
    return [(name, code) for name, code, _, _ in found(wire, **options)]


def message(name, **fields):
    return mms.encode(name, **{**GOOD.get(name, {}), **fields})


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


def test_every_code_has_words():
    assert set(FINDING_TEXTS) == set(FindingCode)


# TcpMessageHeader


@pytest.mark.parametrize(
    ("header", "name", "severity"),
    [
        ({"rep": 16}, "rep", Severity.DEVIATION),
        ({"version": 1}, "version", Severity.VIOLATION),
        ({"version_minor": 1}, "versionMinor", Severity.VIOLATION),
        ({"padding": 1}, "padding", Severity.UNINITIALISED),
        ({"mbz": 1}, "MBZ", Severity.VIOLATION),
    ],
)
def test_fields_of_the_header(header, name, severity):
    (row,) = found(mms.encode("LinkMacToViewerPing") + mms.encode("LinkMacToViewerPing", seq=1,
                                                                 header=header))  # fmt: skip
    field = schema.TCP_MESSAGE_HEADER[name]
    assert (row[0], row[2]) == (f"TcpMessageHeader.{name}", severity)
    assert row[3] == 48 + field.offset


@pytest.mark.parametrize(
    ("chunk_count", "severities"),
    [("peers", [Severity.DEVIATION]), ("spec", []), (0, [Severity.VIOLATION])],
)
def test_chunk_count_of_peers_is_told_from_wrong_ones(chunk_count, severities):
    wire = mms.encode("LinkMacToViewerPing", chunk_count=chunk_count)
    findings = mms.decode(wire).findings
    assert findings["severity"].tolist() == severities
    assert findings["expected"].tolist() == [6] * len(severities)
    assert findings["offset"].tolist() == [16] * len(severities)


def pings(*seqs, **options):
    return b"".join(mms.encode("LinkMacToViewerPing", seq=seq, **options) for seq in seqs)


def test_seq_counts_by_one_and_wraps():
    assert found(pings(0, 1, 2)) == []
    assert short(pings(65534, 65535, 0)) == [("TcpMessageHeader.seq", FindingCode.SEQ_START)]
    assert [row[1:] for row in found(pings(0, 2, 3))] == [
        (FindingCode.SEQ_STEP, Severity.VIOLATION, 48 + 20)
    ]


def test_a_jump_of_seq_over_lost_bytes_is_not_reported():
    batch = mms.decode(pings(0) + b"lost bytes here" + pings(5))
    assert len(batch.faults) == 1
    assert set(batch.findings["code"]) == {FindingCode.CHUNK_COUNT}


def test_a_carry_of_seq_into_mbz_is_a_deviation():
    wire = pings(65535) + mms.encode("LinkMacToViewerPing", seq=0, header={"mbz": 1})
    rows = found(wire)[1:]
    assert [(row[0], row[1], row[2]) for row in rows] == [
        ("TcpMessageHeader.MBZ", FindingCode.SEQ_CARRY, Severity.DEVIATION)
    ]


def test_time_that_runs_backwards_is_uninitialised():
    wire = mms.encode("LinkMacToViewerPing", time_sent=9) + mms.encode(
        "LinkMacToViewerPing", seq=1, time_sent=8
    )
    ((name, code, severity, offset),) = found(wire)
    assert (name, code) == ("TcpMessageHeader.timeSent", FindingCode.TIME_BACKWARDS)
    assert (severity, offset) == (Severity.UNINITIALISED, 48 + 24)


@pytest.mark.parametrize(
    ("name", "severity"),
    [("LinkViewerToMacPong", Severity.VIOLATION), ("LinkMacToViewerPing", Severity.DEVIATION)],
)
def test_several_messages_in_a_packet(name, severity):
    ((_, code, seen, _),) = found(mms.encode([(name, {}), (name, {})]))
    assert (code, seen) == (FindingCode.SEVERAL_MESSAGES, severity)


# messages


def test_a_mid_nobody_specified():
    wire = message("LinkMacToViewerPing", mid=0x00040099)
    assert [row[1:] for row in found(wire)] == [(FindingCode.UNKNOWN_MID, Severity.VIOLATION, 36)]
    named_elsewhere = message("LinkMacToViewerPing", mid=0x00040018)
    assert found(named_elsewhere)[0][2] is Severity.DEVIATION


def test_messages_against_the_direction_of_their_stream():
    wire = pings(0) + mms.encode("LinkViewerToMacPong", seq=1)
    assert found(wire) == [
        ("LinkViewerToMacPong.MID", FindingCode.WRONG_DIRECTION, Severity.VIOLATION, 48 + 36)
    ]


def test_client_messages_beside_data_packets():
    server = mms.encode("LinkMacToViewerReportStartedPlaying", play_incarnation=9)
    data = b"".join(
        mms.encode("Data", play_incarnation=9, location_id=i, af_flags=i, payload=b"x" * 50)
        for i in range(3)
    )
    wire = server + data + mms.encode("LinkViewerToMacPong", seq=1)
    assert ("LinkViewerToMacPong.MID", FindingCode.WRONG_DIRECTION) in short(wire)


@pytest.mark.parametrize("surplus", [8, 16])
@pytest.mark.parametrize("name", [item.name for item in schema.MESSAGES])
def test_surplus_padding_is_found(name, surplus):
    fields = GOOD.get(name, {})
    least = len(mms.encode(name, packet=False, **fields))
    wire = mms.encode(name, chunk_len=(least + surplus) // 8, **fields)
    # zeros look like optional fields, or like the NUL of a string that filled its message
    if name == "LinkViewerToMacStartPlaying" or (name.endswith("ConnectedFunnel") and surplus == 8):
        assert found(wire) == []
        return
    ((seen, code, severity, offset),) = found(wire)
    assert (seen, code) == (f"{name}.chunkLen", FindingCode.SURPLUS_PADDING)
    assert (severity, offset) == (Severity.DEVIATION, 32)


@pytest.mark.parametrize(
    ("name", "fields", "field"),
    [
        ("LinkMacToViewerReportConnectedEX", {"cb_server_version_info": 2**31},
         "cbServerVersionInfo"),
        ("LinkMacToViewerReportConnectedEX", {"cb_authen_package": 0xFFFFFFFF}, "cbAuthenPackage"),
        ("LinkMacToViewerReportConnectedEX", {"cb_version_url": 0x7FFFFFFF}, "cbVersionUrl"),
        ("LinkMacToViewerReportRedirect", {"cb_location": 0xFFFE}, "cbLocation"),
        ("LinkMacToViewerSecurityChallenge", {"cb_token": 5}, "cbToken"),
        ("LinkViewerToMacSecurityResponse", {"cb_token": 0xFFFFFFFF}, "cbToken"),
        ("LinkViewerToMacStreamSwitch", {"c_stream_entries": 0xFFFFFFFF}, "cStreamEntries"),
        ("LinkViewerToMacStreamSwitch", {"c_stream_entries": 0x2AAAAAAB}, "cStreamEntries"),
        ("LinkViewerToMacOpenFile", {"token": 16, "cbtoken": 2**31}, "cbtoken"),
        ("LinkViewerToMacOpenFile", {"token": 2**32 - 1, "cbtoken": 1}, "cbtoken"),
    ],
)  # fmt: skip
def test_counts_that_claim_more_than_the_message_holds(name, fields, field):
    """CVE-2013-2478, CVE-2024-46461: lengths that wrap when doubled or added."""
    rows = found(message(name, **fields))
    assert (f"{name}.{field}", FindingCode.COUNT_OVERRUN) in [row[:2] for row in rows]
    assert all(row[2] is Severity.VIOLATION for row in rows if row[1] is FindingCode.COUNT_OVERRUN)


def utf16(text):
    return text.encode("utf-16-le")


def test_counted_strings_need_one_nul_at_their_end():
    name = "LinkMacToViewerReportConnectedEX"
    missing = message(name, version_url=utf16("http://x"))
    assert [row[:3] for row in found(missing)] == [
        (f"{name}.VersionUrl", FindingCode.MISSING_NUL, Severity.VIOLATION)
    ]
    inner = message(name, version_url="http\0//x")
    assert short(inner) == [(f"{name}.VersionUrl", FindingCode.INNER_NUL)]
    redirect = message("LinkMacToViewerReportRedirect", wsz_location=b"x\0y", cb_location=3)
    assert ("LinkMacToViewerReportRedirect.cbLocation", FindingCode.ODD_COUNT) in short(redirect)


def test_offset_of_a_string_finding_is_where_the_string_is():
    wire = message("LinkMacToViewerReportConnectedEX", authen_package="KERBEROS")
    ((_, code, severity, offset),) = found(wire)
    assert (code, severity) == (FindingCode.NOT_ONE_OF, Severity.VIOLATION)
    assert wire[offset : offset + 16] == utf16("KERBEROS")


@pytest.mark.parametrize(
    ("token_data", "severity"), [(None, Severity.DEVIATION), (b"ab", Severity.VIOLATION)]
)
def test_a_file_name_without_nul(token_data, severity):
    name = "LinkViewerToMacOpenFile"
    wire = message(name, file_name=utf16("four"), token_data=token_data)
    ((seen, code, seen_severity, _),) = found(wire)
    assert (seen, code) == (f"{name}.fileName", FindingCode.MISSING_NUL)
    assert seen_severity is severity


def test_token_and_cbtoken_go_together():
    name = "LinkViewerToMacOpenFile"
    assert short(message(name, token=8)) == [(f"{name}.token", FindingCode.TOKEN_PLACE)]
    assert (f"{name}.token", FindingCode.TOKEN_PLACE) in short(message(name, cbtoken=4))
    assert found(message(name, token_data=b"abcd")) == []


def test_version_info_needs_version_url():
    wire = message("LinkMacToViewerReportConnectedEX", version_url=None)
    assert short(wire) == [
        ("LinkMacToViewerReportConnectedEX.cbVersionUrl", FindingCode.VERSION_URL_MISSING)
    ]


DBL_MAX = np.finfo(float).max


@pytest.mark.parametrize("name", ["LinkViewerToMacStartPlaying", "LinkViewerToMacStartStriding"])
@pytest.mark.parametrize(
    ("fields", "severity"),
    [
        ({"position": 4.5}, None),
        ({"position": 4.5, "asf_offset": 0, "location_id": 0}, None),
        ({"position": DBL_MAX, "location_id": 7}, None),
        ({"position": DBL_MAX, "asf_offset": 7}, None),
        ({"position": DBL_MAX}, Severity.DEVIATION),
        ({"position": DBL_MAX, "asf_offset": 7, "location_id": 7}, Severity.VIOLATION),
        ({"position": 0.0, "location_id": 7}, Severity.DEVIATION),
        ({"position": -1.0}, Severity.VIOLATION),
        ({"position": float("nan")}, Severity.VIOLATION),
    ],
)
def test_one_of_three_fields_gives_the_start(name, fields, severity):
    rows = found(message(name, **fields))
    assert [row[2] for row in rows] == ([] if severity is None else [severity])
    assert all(row[0] == f"{name}.position" for row in rows)


def test_a_rate_of_zero_or_not_a_number_is_out_of_range():
    for rate in (0.0, -0.0, 5.5, float("nan"), float("inf")):
        rows = short(message("LinkViewerToMacStartStriding", rate=rate))
        assert rows == [("LinkViewerToMacStartStriding.rate", FindingCode.OUT_OF_RANGE)]


def client(*messages):
    return b"".join(mms.encode(name, seq=i, **f) for i, (name, f) in enumerate(messages))


def test_stop_playing_names_the_latest_start():
    play = ("LinkViewerToMacStartPlaying", {"play_incarnation": 9})
    stride = ("LinkViewerToMacStartStriding", {"play_incarnation": 10})

    def stop(tag):
        return ("LinkViewerToMacStopPlaying", {"play_incarnation": tag})

    assert found(client(play, stop(9), stride, stop(10), play, stop(9))) == []
    ((name, code, severity, _),) = found(client(play, stop(9), stride, stop(9)))
    assert (name, code) == ("LinkViewerToMacStopPlaying.playIncarnation", FindingCode.NOT_THE_START)
    assert severity is Severity.UNINITIALISED


def test_tiger_file_id_is_zero_or_the_open_file():
    opened = ("LinkMacToViewerReportOpenFile", {"open_file_id": 3})
    for tiger, expected in ((0, []), (3, []), (4, [FindingCode.NOT_THE_FILE])):
        started = ("LinkMacToViewerReportStartedPlaying", {"tiger_file_id": tiger})
        assert [code for _, code in short(client(opened, started))] == expected


def test_a_failed_open_file_has_no_other_findings():
    wire = message("LinkMacToViewerReportOpenFile", hr=0xC00D001A, file_name=5, file_duration=-3.0)
    assert found(wire) == []


def test_live_content_has_a_known_duration():
    for seconds, severity in ((-1e-7, Severity.DEVIATION), (-1.0, Severity.VIOLATION)):
        ((_, _, seen, _),) = found(message("LinkMacToViewerReportOpenFile", file_duration=seconds))
        assert seen is severity


def test_entries_of_stream_switch_are_found_where_they_are():
    entries = [(0xFFFF, 1, 0), (0xFFFF, 2, 3), (0xFFFF, 3, 2), (1, 2, 0x8000)]
    rows = found(message("LinkViewerToMacStreamSwitch", a_stream_entries=entries))
    assert [row[0] for row in rows] == ["STREAM_SWITCH_ENTRY.wThinningLevel"] * 2
    assert [row[3] for row in rows] == [32 + 12 + 6 + 4, 32 + 12 + 18 + 4]


def test_log_strings_are_terminated_and_not_empty():
    name = "LinkViewerToMacLogging"
    assert short(message(name, log={"sz_os": b"x" * 16})) == [
        (f"{name}.log.szOS", FindingCode.MISSING_NUL)
    ]
    ((seen, code, severity, offset),) = found(message(name, log={"info": {"sz_lang": b""}}))
    assert (seen, code) == (f"{name}.log.info.szLang", FindingCode.EMPTY_TEXT)
    assert (severity, offset) == (Severity.DEVIATION, 32 + 8 + 4 + 856)
    assert found(message(name, log={"sz_proto": b"mms\0\xff\xff"})) == []


# Data packets


def data(count=3, **fields):
    usual = {"play_incarnation": 9, "payload": b"x" * 40}
    return b"".join(
        mms.encode("Data", location_id=i, af_flags=i, **{**usual, **fields}) for i in range(count)
    )


def test_incarnation_zero_is_never_valid():
    opened = mms.encode("LinkMacToViewerReportStartedPlaying", play_incarnation=256)
    wire = opened + data(play_incarnation=0)
    rows = found(wire)
    assert [row[0] for row in rows] == ["Data.playIncarnation"] * 3
    assert rows[0][3] == len(opened) + 4


ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")


@pytest.mark.parametrize(
    ("flags", "severities"),
    [
        ((0x04, 0x0C), []),
        ((0x0C,), []),
        ((0x04, 0x00, 0x08), [Severity.DEVIATION] * 2),
        ((0x05, 0x0C), [Severity.VIOLATION]),
    ],
)
def test_flags_of_header_fragments(flags, severities):
    wire = b"".join(
        mms.encode("Data", play_incarnation=2, location_id=i, af_flags=flag, payload=ASF_HEADER)
        for i, flag in enumerate(flags)
    )
    rows = found(mms.encode("LinkMacToViewerReportReadBlock", play_incarnation=2) + wire)
    assert [row[2] for row in rows] == severities
    assert {row[1] for row in rows} <= {FindingCode.HEADER_FLAGS}


def test_payload_longer_than_the_packet_size_of_the_file():
    opened = mms.encode("LinkMacToViewerReportOpenFile", file_packet_size=39)
    started = mms.encode("LinkMacToViewerReportStartedPlaying", seq=1, play_incarnation=9)
    rows = found(opened + started + data(2))
    assert [row[:3] for row in rows] == [
        ("Data.PacketSize", FindingCode.OVER_PACKET_SIZE, Severity.VIOLATION)
    ] * 2
    changed = mms.encode("LinkMacToViewerReportStreamChange", seq=2, cb_packet_size=40)
    assert len(found(opened + started + data(2) + changed + data(2))) == 2


def test_a_packet_pair_packet_has_1472_bytes():
    pair = {"location_id": 0xF0F0F000, "play_incarnation": 0xFF, "af_flags": 0x10}
    good = mms.encode("Data", payload=bytes(1464), **pair)
    assert found(good, transport="udp") == []
    short_one = mms.encode("Data", payload=bytes(100), **pair)
    assert short(short_one, transport="udp") == [("Data.PacketSize", FindingCode.PAIR_SIZE)]


# the table as a whole


def test_findings_stand_in_order_and_point_at_their_rows():
    wire = pings(0, dw_param1=1, dw_param2=2) + pings(1) + pings(2, dw_param1=3)
    batch = mms.decode(wire)
    findings = batch.findings
    assert findings is batch.findings
    assert (np.diff(findings["offset"]) >= 0).all()
    messages = findings[findings["table"] == FindingTable.MESSAGES]
    assert messages["row"].tolist() == [0, 0, 2]
    assert (batch.messages["offset"][messages["row"]] <= messages["offset"]).all()
    assert len(findings.select(Severity.UNINITIALISED)) == 3
    assert findings.dtype.itemsize == 40


def test_text_says_what_where_and_what_was_expected():
    wire = message("LinkViewerToMacReadBlock", seq=3, flags=5, t_deadline=1.5, padding=2**31)
    assert mms.decode(wire).findings.text() == [
        "0x10: deviation TcpMessageHeader.chunkCount = 9 (expected 11): "
        "chunkCount is not the whole packet / 8 [2.2.3]",
        "0x14: deviation TcpMessageHeader.seq = 3 (expected 0): "
        "the first packet is not number 0 [2.2.3]",
        "0x38: violation LinkViewerToMacReadBlock.flags = 5 (expected 0xFFFFFFFF): "
        "wrong value [2.2.4.23]",
        "0x3c: uninitialised LinkViewerToMacReadBlock.padding = 0x80000000 (expected 0): "
        "wrong value [2.2.4.23]",
        "0x48: violation LinkViewerToMacReadBlock.tDeadline = 1.5 (expected 3600.0): "
        "wrong value [2.2.4.23]",
    ]


def test_text_shows_strings_and_shortens_them():
    lines = mms.decode(message("LinkViewerToMacConnect", subscriber_name="x" * 100)).findings.text()
    assert "'" + "x" * 57 + "...'" in lines[-1]
    logging = message("LinkViewerToMacLogging", log={"sz_proto": "rtsp"})
    assert "log.szProto = 'rtsp' (expected 'mms')" in mms.decode(logging).findings.text()[-1]


def test_findings_of_an_empty_batch_and_of_pieces():
    assert len(mms.decode(b"").findings) == 0
    wire = pings(0, dw_param1=1) + pings(1, dw_param2=2) + data()
    whole = mms.decode(wire).findings
    for cut in (1, 20, 47, 48, 60, 100):
        decoder = mms.Decoder()
        parts = [decoder.feed(wire[:cut]), decoder.feed(wire[cut:]), decoder.close()]
        lines = [text for part in parts for text in part.findings.text()]
        assert lines == whole.text()


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


# real clients


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_real_clients_break_no_rule_but_in_known_ways(path):
    with mmscodec.open(path) as capture:
        findings = capture.findings
        assert findings.select(Severity.VIOLATION).text() == []
        # the test server on the other side keeps to the text, its clients do not
        from_client = capture.messages["mid"] >> 16 == 3
        count = findings["code"] == FindingCode.CHUNK_COUNT
        assert count.sum() == from_client.sum() > 0
        assert (np.diff(findings["flow"]) >= 0).all()


def test_findings_of_a_capture_are_those_of_its_streams():
    (path,) = [path for path in CAPTURES if path.name == "libmms_seek.pcap"]
    with mmscodec.open(path) as capture:
        findings = capture.findings
        for flow in range(len(capture.flows)):
            alone = mms.decode(bytes(capture.stream(flow))).findings
            there = findings[findings["flow"] == flow]
            for column in ("offset", "code", "field", "severity", "seen", "expected"):
                assert there[column].tolist() == alone[column].tolist()


def test_the_truth_logs_name_no_violation_of_the_client():
    """The bytes that the test server wrote down have the findings that the capture has."""
    for path in CAPTURES:
        log = path.parent / "truth" / (path.name.split(".")[0] + ".jsonl.gz")
        lines = [json.loads(line) for line in gzip.decompress(log.read_bytes()).splitlines()]
        received = [item for item in lines if item.get("kind") == "tcpmsg"]
        assert received
        for item in received:
            batch = mms.decode(bytes.fromhex(item["hex"]))
            assert batch.findings.select(Severity.VIOLATION).text() == []
