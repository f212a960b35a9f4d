"""Requests and responses that do not come as they should (spec section 10.6)."""

import numpy as np

from mmscodec.schema import mms
from tests.asf import make
from tests.sessions.play import Play, capture, whole

ASF = make.asf()


def pairs(cap):
    """(request, response, match) of each exchange, without prefixes."""

    def short(mid):
        name = mms.message_name(int(mid)) if mid else ""
        return name.removeprefix("LinkViewerToMac").removeprefix("LinkMacToViewer")

    return [
        (short(row["request_mid"]), short(row["response_mid"]), int(row["match"]))
        for row in cap.exchanges
    ]


def test_incarnations_decide_when_responses_come_in_another_order(tmp_path):
    play = Play().open()
    for incarnation in (11, 12):
        play.say("LinkViewerToMacStartPlaying", open_file_id=5, play_incarnation=incarnation)
    for incarnation in (12, 11):
        play.say("LinkMacToViewerReportStartedPlaying", play_incarnation=incarnation)
    rows = capture(tmp_path, play).exchanges
    assert rows["incarnation"].tolist() == [11, 12]
    assert (rows["response"] - rows["request"]).tolist() == [3, 1]
    assert rows["match"].tolist() == [1, 1]
    assert rows["latency"].tolist() == [3_000_000, 1_000_000]


def test_an_incarnation_that_was_not_copied_is_paired_by_order(tmp_path):
    play = Play().open()
    play.say("LinkViewerToMacOpenFile", file_name="a", play_incarnation=3)
    play.say("LinkMacToViewerReportOpenFile", play_incarnation=99)
    assert pairs(capture(tmp_path, play)) == [("OpenFile", "ReportOpenFile", 2)]


def test_a_challenge_is_answered_by_its_cookie_and_answers_itself(tmp_path):
    play = Play().open().connect(server_version="4.1.0.3930", package="BASIC")
    play.say("LinkViewerToMacOpenFile", file_name="a", play_incarnation=3)
    token = 'realm="x"\0'.encode("utf-16-le")
    play.say("LinkMacToViewerSecurityChallenge", play_incarnation=3, cookie=7, p_token=token)
    play.say("LinkViewerToMacSecurityResponse", play_incarnation=3, cookie=7, p_token=b"c2VjcmV0\0")
    play.say("LinkMacToViewerReportOpenFile", play_incarnation=3, open_file_id=1)
    cap = capture(tmp_path, play)
    assert pairs(cap)[3:] == [
        ("OpenFile", "SecurityChallenge", 1),
        ("SecurityChallenge", "SecurityResponse", 1),
        ("SecurityResponse", "ReportOpenFile", 1),
    ]
    session = cap.session(0)
    assert session.auth == "BASIC, accepted"
    assert "c2VjcmV0" not in repr(session.as_dict())


def test_another_cookie_is_paired_by_order_only(tmp_path):
    play = Play().open()
    play.say("LinkMacToViewerSecurityChallenge", play_incarnation=3, cookie=7, p_token=b"\0\0")
    play.say("LinkViewerToMacSecurityResponse", play_incarnation=3, cookie=8, p_token=b"x")
    assert ("SecurityChallenge", "SecurityResponse", 2) in pairs(capture(tmp_path, play))


def test_three_reports_answer_one_funnel_info(tmp_path):
    play = Play().open()
    play.say("LinkViewerToMacFunnelInfo", play_incarnation=0xF0F0F0F1)
    for _ in range(3):
        play.say(
            "LinkMacToViewerReportFunnelInfo", play_incarnation=0xF0F0F0F1,
            packet_pair_packet=bytes(432),
        )  # fmt: skip
    rows = capture(tmp_path, play).exchanges
    assert rows["responses"].tolist() == [3]


def test_an_end_of_stream_answers_a_stop_by_incarnation_and_else_is_unsolicited(tmp_path):
    play = Play().open()
    play.say("LinkViewerToMacStopPlaying", open_file_id=1, play_incarnation=0x1FFFFF)
    play.say("LinkMacToViewerReportEndOfStream", play_incarnation=4)  # crossed
    play.say("LinkMacToViewerReportEndOfStream", play_incarnation=0x1FFFFF)
    found = pairs(capture(tmp_path, play))
    assert found == [("StopPlaying", "ReportEndOfStream", 1), ("", "ReportEndOfStream", 0)]


def test_requests_that_nobody_answers_are_counted(tmp_path):
    play = Play().open()
    for _ in range(200):
        play.say("LinkViewerToMacStreamSwitch", a_stream_entries=[(0xFFFF, 1, 0)])
    for _ in range(10):
        play.say("LinkMacToViewerReportStreamSwitch")
    cap = capture(tmp_path, play)
    row = cap.sessions[0]
    assert (row["requests"], row["unanswered"]) == (200, 190)


def test_a_redirect_answers_the_open_and_leads_to_the_next_connection(tmp_path):
    first = Play(port=40001).open().connect()
    first.say("LinkViewerToMacOpenFile", file_name="a.wmv", play_incarnation=3)
    first.say(
        "LinkMacToViewerReportRedirect", redirect_type=1,
        wsz_location="mms://10.0.0.9:1756/b.wmv",
    )  # fmt: skip
    first.close()
    second = whole(ASF, port=40002, server="10.0.0.9", server_port=1756, start=100)
    other = whole(ASF, port=40003, client="10.0.0.7", start=60)
    cap = capture(tmp_path, first, second, other)
    assert ("OpenFile", "ReportRedirect", 2) in pairs(cap)
    redirected = int(np.flatnonzero(cap.sessions["redirected_to"] >= 0)[0])
    target = int(cap.sessions["redirected_to"][redirected])
    assert cap.session(redirected).redirect_location == "mms://10.0.0.9:1756/b.wmv"
    assert cap.session(redirected).end_text == "redirected"
    assert cap.session(target).server_address == "10.0.0.9:1756"


def test_a_lost_connection_and_its_successor_are_joined_by_the_client_guid(tmp_path):
    first = Play(port=40001).open().connect().open_file(ASF).read_header(ASF)
    first.start().packets(ASF, range(8)).close()
    second = whole(ASF, port=40002, start=500)
    cap = capture(tmp_path, first, second)
    assert cap.sessions["reconnect_of"].tolist() == [-1, 0]


def test_a_file_that_was_played_to_its_end_is_played_again_not_resumed(tmp_path):
    first = Play(port=40001).open().connect().open_file(ASF).read_header(ASF)
    first.start().packets(ASF, range(20)).say("LinkMacToViewerReportEndOfStream").close()
    cap = capture(tmp_path, first, whole(ASF, port=40002, start=500))
    assert cap.sessions["reconnect_of"].tolist() == [-1, -1]


def test_connections_without_a_guid_are_not_joined(tmp_path):
    plays = []
    for number in range(2):
        play = Play(port=40001 + number, start=500 * number).open().connect().open_file(ASF)
        plays.append(play.read_header(ASF).start().packets(ASF, range(8)).close())
    cap = capture(tmp_path, *plays, keep=lambda _, frame: frame[0] == "s")
    assert cap.sessions["reconnect_of"].tolist() == [-1, -1]


def test_data_that_answer_a_request_are_named(tmp_path):
    cap = capture(tmp_path, whole(ASF, pieces=2))
    rows = {int(row["request_mid"]): row for row in cap.exchanges}
    read = rows[mms.BY_NAME["LinkViewerToMacReadBlock"].mid]
    start = rows[mms.BY_NAME["LinkViewerToMacStartPlaying"].mid]
    assert cap.data["kind"][read["data"]] == 1
    assert cap.data["location_id"][start["data"]] == 0
    assert cap.data["kind"][start["data"]] == 0
    assert (read["data_latency"], start["data_latency"]) == (2_000_000, 2_000_000)
