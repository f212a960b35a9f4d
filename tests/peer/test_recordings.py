"""Captures of the example client and server: everything that no packaged client says."""

import gzip
import json

import pytest

import mmscodec
from examples.asf_file import AsfFile
from mmscodec import mms
from tests.capture import truth
from tests.peer.record import FOLDER, RECORDINGS

TINY = AsfFile(FOLDER / "media" / "tiny.asf")
LARGE = AsfFile(FOLDER / "media" / "tiny3200.asf")
#: recordings in which less than a whole file was asked for or came
PARTIAL = {
    "own_seek", "own_stride", "own_rewind", "own_until", "own_tail_lost", "own_seek_hasty",
    "own_seek_no_stop", "own_hung_up", "own_lost_start", "own_lost_middle", "own_lost_end",
    "own_lost_all", "own_live",
}  # fmt: skip


def opened(name):
    return mmscodec.open(FOLDER / f"{name}.pcap")


def entries(name):
    with gzip.open(FOLDER / "truth" / f"{name}.jsonl.gz", "rt") as lines:
        return [json.loads(line) for line in lines]


def by_transport(rows):
    """Rows of a log or a capture; only within one transport is their order that of sending."""
    client, server, data = rows
    return client, server, *([row for row in data if row[4] == via] for via in ("tcp", "udp"))


@pytest.mark.parametrize("name", RECORDINGS)
def test_every_row_of_the_log_is_found_and_none_invented(name):
    cap = opened(name)
    assert by_transport(truth.found(cap)) == by_transport(truth.log(name, FOLDER))
    assert len(cap.faults) == len(cap.gaps) == 0


@pytest.mark.parametrize("name", RECORDINGS)
def test_requests_for_lost_packets_are_messages(name):
    wanted = [bytes.fromhex(line["hex"]) for line in entries(name) if line["kind"] == "resend"]
    cap = opened(name)
    rows = cap.messages[cap.messages["mid"] == 0xBEEFF00D]
    found = [
        bytes(cap.read(int(row["flow"]), int(row["offset"]), int(row["length"]))) for row in rows
    ]
    assert found == wanted
    assert bool(found) == (name in ("own_losses", "own_tail_lost", "own_ipv6"))


@pytest.mark.parametrize("name", [name for name in RECORDINGS if name not in PARTIAL])
def test_the_media_are_what_was_served(name, tmp_path):
    cap = opened(name)
    files = [TINY.flat()]
    if name in ("own_stripped", "own_padding_left"):
        files = [LARGE.flat()]
    elif name.startswith("own_playlist"):
        files = [TINY.flat(), LARGE.flat()]
    elif name == "own_basic_refused":
        files = []
    last = len(cap.sessions) - 1  # the first session of a redirect has no media
    made = cap.write_asf(last, tmp_path / "out.asf") if files else []
    assert [item.path.read_bytes() for item in made] == files
    assert all(item.complete for item in made)


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("own_stride", range(0, 20, 3)),
        ("own_rewind", range(1, 16, 2)),
        ("own_tail_lost", range(19)),
        ("own_lost_start", range(4, 20)),
        ("own_lost_middle", [*range(8), *range(11, 20)]),
        ("own_lost_end", range(15)),
        ("own_hung_up", range(6)),
    ],
)
def test_what_did_not_come_is_left_out(name, numbers, tmp_path):
    cap = opened(name)
    (made,) = cap.write_asf(0, tmp_path / "out.asf")
    media = b"".join(TINY.packets[number] for number in numbers)
    assert made.path.read_bytes()[len(TINY.header) :] == media
    assert not made.complete


@pytest.mark.parametrize(
    ("name", "message", "count"),
    [
        ("own_seek", "LinkViewerToMacStopPlaying", 1),
        ("own_seek", "LinkViewerToMacLogging", 2),
        ("own_stride", "LinkViewerToMacStartStriding", 1),
        ("own_stride", "LinkMacToViewerReportStartStriding", 1),
        ("own_losses", "RequestPacketListResend", 3),
        ("own_header_again", "LinkViewerToMacCancelReadBlock", 2),
        ("own_header_again", "LinkViewerToMacReadBlock", 3),
        ("own_basic", "LinkViewerToMacSecurityResponse", 1),
        ("own_basic_refused", "LinkViewerToMacSecurityResponse", 3),
        ("own_ntlm", "LinkViewerToMacSecurityResponse", 2),
        ("own_ntlm_auth", "LinkMacToViewerSecurityChallenge", 2),
        ("own_playlist_tcp", "LinkMacToViewerReportStreamChange", 1),
        ("own_redirect", "LinkMacToViewerReportRedirect", 1),
        ("own_redirect", "LinkViewerToMacConnect", 2),
        ("own_no_udp", "LinkMacToViewerReportDisconnectedFunnel", 1),
        ("own_no_udp", "LinkViewerToMacConnectFunnel", 2),
        ("own_pair_tcp", "LinkMacToViewerReportFunnelInfo", 3),
        ("own_stripped", "LinkViewerToMacPong", 2),
    ],
)
def test_messages_that_packaged_clients_do_not_send_are_there(name, message, count):
    cap = opened(name)
    assert len(cap[message]) == count


def test_the_recordings_hold_every_message_of_the_specification():
    seen = {mid for name in RECORDINGS for mid in opened(name).messages["mid"].tolist()}
    names = {mms.message_name(mid) for mid in seen}
    assert names == {*mms.MESSAGES, "RequestPacketListResend"}


def test_the_packet_pair_over_udp_is_no_media():
    cap = opened("own_pair_udp")
    pair = cap.data[cap.data["kind"] == 2]
    assert pair["location_id"].tolist() == [0xF0F0F000, 0xF0F0F001]
    assert pair["length"].tolist() == [1472, 1472]


def test_sequence_numbers_asked_for_are_those_that_were_lost():
    (lost,) = ([e["af"] for e in entries("own_losses") if e["kind"] == "lost"],)
    asked = opened("own_losses").column("RequestPacketListResend", "dw_begin_packet_list")
    assert [int(number) for numbers in asked for number in numbers] == lost == [5, 11, 17]
    row = opened("own_losses").sessions[0]
    assert row["lost"] == 0


def test_well_formed_peers_give_no_violations():
    for name in RECORDINGS:
        violations = opened(name).findings.select(1)
        assert len(violations) == 0, (name, violations.text())


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("own_seek", {"seeks": 1, "requests": 10}),
        ("own_stride", {"strides": 1}),
        ("own_rewind", {"strides": 1}),
        ("own_losses", {"resend_requests": 3, "resends_asked": 3, "resends_delivered": 3}),
        ("own_ipv6", {"resend_requests": 3, "resends_delivered": 3, "transport": "udp"}),
        ("own_ntlm", {"challenges": 2, "auth_scheme": 2}),
        ("own_basic_refused", {"challenges": 3, "end_hr": 0x80070005}),
        ("own_playlist_tcp", {"entries": 2, "transport": "tcp"}),
        ("own_playlist_udp", {"entries": 2, "transport": "udp"}),
        ("own_redirect", {"redirected_to": 1, "ended_by": 2}),
        ("own_no_udp", {"udp_story": 2, "transport": "tcp"}),
        ("own_pause", {"pauses": 1, "seeks": 0, "played_out": 1}),
        ("own_pause_udp", {"pauses": 1, "seeks": 0, "lost": 0}),
        ("own_seek_hasty", {"pauses": 0, "seeks": 1}),
        ("own_seek_no_stop", {"pauses": 0, "seeks": 1}),
        ("own_hung_up", {"ended_by": 1, "played_out": 0, "end_reason": 2, "media_packets": 6}),
        ("own_lost_start", {"lost": 4, "lost_at_start": 4, "lost_at_end": 0}),
        ("own_lost_middle", {"lost": 3, "lost_at_start": 0, "lost_at_end": 0}),
        ("own_lost_end", {"lost": 5, "lost_at_start": 0, "lost_at_end": 5}),
        ("own_lost_all", {"lost": 20, "end_reason": 6, "media_packets": 0}),
        ("own_live", {"lost": 0, "location_jumps": 0, "media_packets": 20}),
        ("own_stripped", {"pings": 2, "unanswered_pings": 0}),
    ],
)
def test_the_session_knows_what_happened(name, facts):
    row = opened(name).sessions[0]
    assert {key: row[key].item() for key in facts} == facts
    assert row["partial"] == 0
