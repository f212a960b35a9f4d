"""Every row of every table says which way it went."""

import struct
from pathlib import Path

import numpy as np
import pytest

import mmscodec
from mmscodec import mms
from mmscodec.capture import DIRECTIONS
from tests.capture import build, truth
from tests.capture.frames import CLIENT, SERVER, ethernet, ipv4, tcp
from tests.mms.streams import data

CAPTURES = Path(__file__).parents[1] / "captures"
NAMES = sorted(path.name for path in (CAPTURES / "mms").glob("*.pcap*"))
ACK, SYN = 0x10, 0x02
PING = mms.encode("LinkMacToViewerPing")


def frames(*segments):
    """(from the server, seq, flags, payload) as a capture."""
    out = []
    for i, (down, seq, flags, payload) in enumerate(segments):
        hosts = {"src": SERVER, "dst": CLIENT} if down else {"src": CLIENT, "dst": SERVER}
        ports = {"src_port": 1755, "dst_port": 2000} if down else {"src_port": 2000}
        frame = ethernet(ipv4(tcp(payload, seq=seq, flags=flags, **ports), **hosts))
        out.append((i * 1000, frame))
    return mmscodec.open(build.pcap(out))


@pytest.mark.parametrize("name", NAMES)
def test_rows_of_real_clients_go_as_the_log_says(name):
    cap = mmscodec.open(CAPTURES / "mms" / name)
    c2s, s2c, media = truth.found(cap)
    assert np.bincount(cap.messages["direction"], minlength=3).tolist() == [0, len(c2s), len(s2c)]
    assert cap.data["direction"].tolist() == [2] * len(media)
    words = np.array([DIRECTIONS[i] for i in range(3)])
    for table in (cap.packets, cap.messages, cap.data, cap.findings):
        assert (table["direction"] != 0).all()
        rows = cap.flow_rows(table["flow"])
        assert (words[table["direction"]] == cap.flows["direction"][rows]).all()
    for row in cap["LinkViewerToMacConnect"]:
        assert row["direction"] == 1


def test_a_flow_that_says_nothing_goes_against_its_peer():
    cap = frames((True, 1, ACK, PING), (False, 9, ACK, b""), (True, 1 + len(PING), ACK, PING))
    directions = dict(zip(cap.flows["src"].tolist(), cap.flows["direction"].tolist()))
    assert directions == {CLIENT: "C>S", SERVER: "S>C"}
    cap = frames((False, 8, SYN, b""), (True, 0, SYN | ACK, b""), (True, 1, ACK, PING))
    directions = dict(zip(cap.flows["src"].tolist(), cap.flows["direction"].tolist()))
    assert directions == {CLIENT: "C>S", SERVER: "S>C"}


def test_gaps_and_faults_go_with_their_flow():
    media = b"".join(data(i, 4, 0, bytes(92)) for i in range(30))
    hole = media[:1000] + media[1200:]
    cap = frames(
        (False, 8, SYN, b""),
        (True, 0, SYN | ACK, b""),
        (True, 1, ACK, PING),
        (True, 1 + len(PING), ACK, hole[:1000]),
        (True, 1 + len(PING) + 1200, ACK, hole[1000:]),
        (False, 9, ACK, b""),
    )
    assert len(cap.gaps) == 1
    assert len(cap.faults) > 0
    assert set(cap.gaps["direction"].tolist()) == {2}
    assert set(cap.faults["direction"].tolist()) == {2}


def test_faults_of_a_file_have_no_direction():
    cap = mmscodec.open(build.pcap(build.frames())[:-10])
    assert cap.faults["direction"].tolist() == [0] * len(cap.faults)
    assert len(cap.faults) == 1


@pytest.mark.parametrize("path", sorted((CAPTURES / "winmx").glob("*.pcap*")), ids=lambda p: p.name)
def test_winmx_rows_go_from_the_peer_that_calls(path):
    cap = mmscodec.open(path)
    packets = cap.winmx.packets
    assert len(packets) > 0
    tcp = (cap.flows["transport"] == "tcp")[packets["flow"]]
    assert set(packets["direction"][tcp].tolist()) <= {1, 2}
    assert set(packets["direction"][~tcp].tolist()) <= {0}  # among primaries nobody is the server
    words = np.array([DIRECTIONS[i] for i in range(3)])
    for table in (packets, cap.nodes, cap.winmx.findings):
        rows = cap.flow_rows(table["flow"])
        assert (words[table["direction"]] == cap.flows["direction"][rows]).all()


@pytest.mark.parametrize("flow", [0, 1, -1])
def test_a_flow_of_a_capture_without_any_is_said_so(flow):
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
    with mmscodec.open(header) as capture:
        with pytest.raises(IndexError, match=f"no flow {flow}: there are no flows at all"):
            capture.stream(flow)
        with pytest.raises(IndexError, match="there are no flows at all"):
            capture.read(flow, 0, 1)


def test_a_flow_that_is_not_there_is_said_with_how_many_there_are():
    with mmscodec.open(CAPTURES / "mms" / "ffmpeg_tcp.pcap") as capture:
        for flow in (len(capture.flows), -len(capture.flows) - 1):
            with pytest.raises(IndexError, match=f"no flow {flow}: there are {len(capture.flows)}"):
                capture.stream(flow)
