"""The table of findings as a whole, its words, and real clients."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

import mmscodec
from mmscodec import mms
from mmscodec.mms.columns import MessageColumns
from mmscodec.schema.findings import FindingCode, FindingTable, Severity
from tests.findinghelp import data, message, pings

CAPTURES = sorted((Path(__file__).resolve().parents[1] / "captures/mms").glob("*.pcap*"))


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


def test_texts_of_a_column_are_read_once_for_all_findings(monkeypatch):
    connect = [
        mms.encode("LinkViewerToMacConnect", subscriber_name="NSPlayer/7.0; {1}", seq=i)
        for i in range(50)
    ]
    asked = []
    original = MessageColumns.column
    monkeypatch.setattr(
        MessageColumns, "column", lambda self, *of: (asked.append(of), original(self, *of))[1]
    )
    findings = mms.decode(b"".join(connect)).findings
    whole = findings.text()
    assert len(whole) >= 50
    asked.clear()
    assert [findings[i : i + 1].text()[0] for i in range(len(findings))] == whole
    assert len(asked) <= 1
