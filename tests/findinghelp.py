"""What the tests of findings share: good messages, and findings in short."""

from mmscodec import mms
from mmscodec.schema.findings import FINDING_FIELDS, FindingCode, Severity

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


def pings(*seqs, **options):
    return b"".join(mms.encode("LinkMacToViewerPing", seq=seq, **options) for seq in seqs)


def data(count=3, **fields):
    usual = {"play_incarnation": 9, "payload": b"x" * 40}
    return b"".join(
        mms.encode("Data", location_id=i, af_flags=i, **{**usual, **fields}) for i in range(count)
    )
