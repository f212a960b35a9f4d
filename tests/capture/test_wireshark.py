"""Wireshark's dissector as a second opinion on what it can decode.

It looks at the first message of a packet only, and on TCP it takes AFFlags for flags and so passes
over most Data packets (spec notes 14.3, I1 to I3). What it does show must be what is in our tables.
"""

import shutil
import subprocess

import pytest

import mmscodec
from tests.capture.truth import FOLDER, NAMES

pytestmark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")

FIELDS = {
    "to_server": "msmms.command.to-server-id",
    "to_client": "msmms.command.to-client-id",
    "seq": "msmms.command.sequence-number",
    "length": "msmms.command.length",
    "chunk_count": "msmms.command.length-remaining",
    "player": "msmms.command.player-info",
    "server_version": "msmms.command.server-version",
    "file": "msmms.command.server-file",
    "funnel": "msmms.command.client-transport-info",
    "data_sequence": "msmms.data.sequence",
    "data_length": "msmms.data.packet-length",
}


def dissected(name: str) -> list[dict[str, list[str]]]:
    """What tshark shows of each frame: the values of each field, in wire order."""
    command = ["tshark", "-r", str(FOLDER / name), "-Y", "msmms", "-T", "fields",
               "-E", "separator=|", "-E", "aggregator=^"]  # fmt: skip
    for field in FIELDS.values():
        command += ["-e", field]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    rows = [line.split("|") for line in run.stdout.splitlines()]
    return [
        dict(zip(FIELDS, [cell.split("^") if cell else [] for cell in row], strict=True))
        for row in rows
    ]


def numbers(frames, name):
    return [int(value, 0) for frame in frames for value in frame[name]]


@pytest.mark.parametrize("name", NAMES)
def test_control_packets_agree(name):
    frames = dissected(name)
    with mmscodec.open(FOLDER / name) as cap:
        for way, side in (("to_server", 3), ("to_client", 4)):
            theirs = [frame for frame in frames if frame[way]]
            first = cap.messages[cap.packets["first_message"]]
            ours = cap.packets[first["mid"] >> 16 == side]
            mids = first["mid"][first["mid"] >> 16 == side] & 0xFFFF
            assert numbers(theirs, way) == mids.tolist()
            assert numbers(theirs, "seq") == ours["seq"].tolist()
            assert numbers(theirs, "length") == (ours["length"] - 16).tolist()
            # the second count they call by this name is chunkLen
            counts = [int(frame["chunk_count"][0], 0) for frame in theirs]
            assert counts == ours["chunk_count"].tolist()


@pytest.mark.parametrize("name", NAMES)
def test_strings_agree(name):
    frames = dissected(name)
    with mmscodec.open(FOLDER / name) as cap:
        for theirs, message, field in (
            ("player", "LinkViewerToMacConnect", "subscriber_name"),
            ("server_version", "LinkMacToViewerReportConnectedEX", "server_version_info"),
            ("file", "LinkViewerToMacOpenFile", "file_name"),
            ("funnel", "LinkViewerToMacConnectFunnel", "funnel_name"),
        ):
            shown = [value.replace("\\\\", "\\") for frame in frames for value in frame[theirs]]
            ours = [value.replace("\\\\", "\\") for value in cap.column(message, field)]
            assert shown == ours


@pytest.mark.parametrize("name", NAMES)
def test_every_data_packet_they_see_is_there(name):
    frames = dissected(name)
    pairs = list(zip(numbers(frames, "data_sequence"), numbers(frames, "data_length"), strict=True))
    with mmscodec.open(FOLDER / name) as cap:
        ours = cap.data
        rows = list(zip(ours["location_id"].tolist(), ours["length"].tolist(), strict=True))
        udp = cap.flows["transport"][ours["flow"]] == "udp"
        if len(ours) and udp.all():
            assert pairs == rows
        else:
            assert set(pairs) <= set(rows)
            assert bool(pairs) == bool(rows)
