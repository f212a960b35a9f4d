"""Findings about headers, fields against each other, strings, and Data packets."""

import numpy as np
import pytest

from mmscodec import mms
from mmscodec.schema import mms as schema
from mmscodec.schema.findings import FindingCode, Severity
from tests.findinghelp import GOOD, data, found, message, pings, short

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


@pytest.mark.parametrize(
    ("name", "field", "prefix"),
    [
        ("LinkMacToViewerSecurityChallenge", "p_token", b"\0\0"),
        ("LinkViewerToMacSecurityResponse", "p_token", b"\0\0"),
        ("LinkViewerToMacOpenFile", "token_data", b""),
    ],
)
def test_ntlm_auth_inside_of_tokens(name, field, prefix):
    good = mms.encode("NTLM_AUTH", ntlm_token=b"NTLMSSP\0")
    assert found(message(name, **{field: prefix + good})) == []
    wrong = mms.encode("NTLM_AUTH", ntlm_token=b"NTLMSSP\0", two=3, ntlm_token_size=9)
    wire = message(name, **{field: prefix + wrong})
    size, two = found(wire)
    assert size[:3] == ("NTLM_AUTH.NTLMTokenSize", FindingCode.COUNT_OVERRUN, Severity.VIOLATION)
    assert two[:3] == ("NTLM_AUTH.Two", FindingCode.NOT_EQUAL, Severity.VIOLATION)
    assert wire[two[3] : two[3] + 4] == b"\3\0\0\0"
    assert wire[size[3] : size[3] + 4] == b"\x09\0\0\0"
    for other in (b"", b"NTLMSSP\0", good[:20], b"realm"):
        assert found(message(name, **{field: prefix + other})) == []


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


def test_incarnation_zero_is_never_a_data_packet():
    opened = mms.encode("LinkMacToViewerReportStartedPlaying", play_incarnation=256)
    batch = mms.decode(opened + data(play_incarnation=0))
    assert len(batch.data) == 0
    assert batch.faults["offset"].tolist() == [len(opened)]


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
