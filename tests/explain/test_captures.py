"""Every row of the captures is explained, and its fields cover its bytes."""

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest

import mmscodec
from mmscodec.cli import main
from mmscodec.explain import explain
from mmscodec.lines.fields import Style

ROOT = Path(__file__).resolve().parents[1] / "captures"
CAPTURES = [
    *sorted((ROOT / "mms").glob("*.pcap*")), *sorted((ROOT / "winmx").rglob("*.pcap")),
    ROOT / "own" / "own_losses.pcap", ROOT / "own" / "own_ntlm_auth.pcap",
    ROOT / "cases" / "bad-checksum-then-good.pcap", ROOT / "cases" / "same-header-again.pcap",
]  # fmt: skip


def rows_of(cap):
    """Flow, offset and length of everything, by kind."""
    winmx = cap.winmx.packets
    return {
        "packet": cap.packets, "data": cap.data, "winmx": winmx, "gap": cap.gaps,
        "fault": np.asarray(cap.faults)[np.asarray(cap.faults)["flow"] >= 0],
    }  # fmt: skip


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_whole_flows(path):
    with mmscodec.open(str(path)) as cap:
        things = [one for flow in cap.flows["flow"] for one in explain(cap, flow=int(flow))]
        found = {}
        for one in things:
            found.setdefault(one.kind, []).append((one.flow, one.offset))
        for kind, rows in rows_of(cap).items():
            if kind == "packet" and (cap.flows["transport"] == "udp").any():
                continue
            wanted = sorted((int(row["flow"]), int(row["offset"])) for row in rows)
            assert sorted(found.get(kind, [])) == wanted, kind
        for one in things:
            check(one)


def check(one):
    """Parts lie in the thing; leaves follow each other without a hole and end where it ends."""
    shown = one.raw if one.plain is None else one.plain
    if one.kind in ("fault", "gap", "unread"):
        assert one.reasons or one.checks, one
        return
    assert len(shown) == one.length
    leaves = [
        part for part, after in zip(one.parts, [*one.parts[1:], None])
        if part.length and not (after is not None and after.depth > part.depth)
    ]  # fmt: skip
    at = 0
    for part in leaves:
        assert part.offset == at, (one.title, part)
        at += part.length
    assert at == one.length or any("ends inside" in words for words in one.reasons)


def test_one_place_is_the_thing_that_holds_it():
    with mmscodec.open(str(ROOT / "mms" / "ffmpeg_tcp.pcap")) as cap:
        for row in (*cap.packets, *cap.data[:5]):
            for at in (int(row["offset"]), int(row["offset"]) + int(row["length"]) - 1):
                (one,) = explain(cap, flow=int(row["flow"]), at=at)
                assert (one.offset, one.length) == (int(row["offset"]), int(row["length"]))


def test_a_frame_is_numbered_as_in_wireshark():
    with mmscodec.open(str(ROOT / "mms" / "ffmpeg_tcp.pcap")) as cap:
        (one,) = explain(cap, frame=13)
        names = [part.name for part in one.parts]
        assert "LinkMacToViewerReportOpenFile" in names
        values = {part.name: part.value for part in one.parts}
        assert values["fileDuration"] == "10.046s"
        assert values["hr"] == "S_OK"
        assert "FILE_ATTRIBUTE_MMS_CANSEEK" in values["fileAttributes"]
        (client,) = explain(cap, frame=4)
        (part,) = (part for part in client.parts if part.name == "chunkCount")
        assert ["chunkCount is not the whole packet" in words for words in part.findings] == [True]
        (syn,) = explain(cap, frame=1)
        assert syn.kind == "unread"
        with pytest.raises(IndexError, match="there is no frame 100000"):
            list(explain(cap, frame=100000))


def test_frames_of_a_stream_that_is_kept():
    raw = io.BytesIO((ROOT / "mms" / "ffmpeg_tcp.pcap").read_bytes())
    with mmscodec.open(raw, spool=True) as cap:
        (one,) = explain(cap, frame=13)
        assert (one.flow, one.offset) == (1, 0x130)


def test_a_place_of_the_file():
    with mmscodec.open(str(ROOT / "mms" / "ffmpeg_tcp.pcap")) as cap:
        (one,) = explain(cap, at=1162)
        assert one.kind == "packet"
        assert one.offset == 128
        (head,) = explain(cap, at=3)
        assert "header of the file" in head.reasons[0]


def test_deciphered_bytes_stand_beside_the_raw_ones(capsys):
    path = str(ROOT / "winmx" / "secondary.pcap")
    assert main(["explain", "--flow", "1", "--at", "17", path]) == 0
    out = capsys.readouterr().out
    assert re.search(r"000011  57 18 +\| 60 04 +type +0x0460", out)
    assert re.search(r"000015  8c 2c +\| 16 53 +session_id +21270", out)


def test_json_holds_the_same(capsys):
    path = str(ROOT / "mms" / "ffmpeg_tcp.pcap")
    assert main(["explain", "--frame", "13", "--json", path]) == 0
    (one,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert one["kind"] == "packet"
    assert one["section"] == "2.2.3"
    assert len(bytes.fromhex(one["raw"])) == one["length"] == 152


def test_credentials_are_hidden_in_the_bytes_too(capsys):
    path = str(ROOT / "own" / "own_basic.pcap")
    with mmscodec.open(path) as cap:
        row = cap.rows("LinkViewerToMacSecurityResponse")[0]
        found = cap.messages[row]
        flow, at = int(found["flow"]), int(found["offset"])
        secret = cap.column("LinkViewerToMacSecurityResponse", "p_token")[0]
        (open_one,) = explain(cap, flow=flow, at=at, style=Style(secrets=True))
    for more in ((), ("--json",)):
        assert main(["explain", "--flow", str(flow), "--at", str(at), *more, path]) == 0
        out = capsys.readouterr().out
        assert "**" in out
        assert "bytes hidden>" in out
        assert secret.hex() not in out
        assert secret.hex(" ")[:20] not in out
    assert secret.hex() in json.dumps(open_one.as_dict())


def test_wrong_places_are_one_sentence(capsys):
    path = str(ROOT / "mms" / "ffmpeg_tcp.pcap")
    for words, said in (
        (["--flow", "9"], "there is no flow 9"),
        (["--flow", "0", "--at", "999999"], "none at 999999"),
        (["--frame", "5", "--flow", "0"], "give it alone"),
        ([], "give a place"),
        (["--frame", "99999"], "there is no frame"),
    ):
        assert main(["explain", *words, path]) == 2
        assert said in capsys.readouterr().err
    for words in (["--frame", "0"], ["--at", "-1"], ["--at", "x"], ["-c", "-1"], ["--flow", "-1"]):
        with pytest.raises(SystemExit) as found:
            main(["explain", *words, path])
        assert found.value.code == 2
