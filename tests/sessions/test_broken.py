"""Sessions that were not captured whole: what is known stays known, and they are marked."""

import random

import pytest

from mmscodec.errors import TruncatedError
from mmscodec.sessions import table
from tests.asf import make
from tests.sessions.play import Play, capture, whole

ASF = make.asf(count=30)


def only(*kinds, who=None):
    def keep(_, frame):
        return (who is None or frame[0] == who) and (not kinds or frame[1] in kinds)

    return keep


def without(*kinds):
    return lambda _, frame: frame[1] not in kinds


def test_without_a_handshake_the_session_is_known_and_its_start_marked(tmp_path):
    cap = capture(tmp_path, whole(ASF), keep=without("syn"))
    (row,) = cap.sessions
    assert row["partial"] == table.NO_START
    assert cap.session(0).file_name == "clip.wmv"
    assert row["media_packets"] == 30


def test_without_its_end_the_session_is_marked(tmp_path):
    keep = without("fin", "LinkViewerToMacCloseFile")
    cap = capture(tmp_path, whole(ASF), keep=keep)
    assert cap.sessions["partial"][0] == table.NO_END
    assert cap.session(0).end_text == "capture ended"


def test_the_server_alone_gives_the_whole_file(tmp_path):
    cap = capture(tmp_path, whole(ASF), keep=only(who="s"))
    (row,) = cap.sessions
    assert row["partial"] & table.NO_CLIENT
    assert not row["partial"] & table.NO_SERVER
    assert (row["client_flow"], row["packet_count"], row["media_packets"]) == (-1, 30, 30)
    (made,) = cap.write_asf(0, tmp_path / "out.asf")
    assert made.path.read_bytes() == ASF.file
    assert made.complete


def test_the_client_alone_says_who_asked_for_what(tmp_path):
    cap = capture(tmp_path, whole(ASF), keep=only(who="c"))
    (row,) = cap.sessions
    assert row["partial"] & table.NO_SERVER
    assert cap.session(0).url == "mmst://media.example/clip.wmv"
    assert row["unanswered"] == row["requests"] == 7
    assert cap.write_asf(0, tmp_path / "out.asf") == []


def test_a_capture_that_starts_in_the_middle_has_no_header(tmp_path):
    frames = whole(ASF).frames
    middle = len(frames) * 2 // 3
    cap = capture(tmp_path, whole(ASF), keep=lambda i, _: i >= middle)
    (row,) = cap.sessions
    assert row["partial"] & table.NO_START
    assert 0 < row["media_packets"] < 30
    with pytest.raises(TruncatedError, match="header was not captured"):
        cap.write_asf(0, tmp_path / "out.asf")
    assert not list(tmp_path.glob("*.asf*"))
    (made,) = cap.write_asf(0, tmp_path / "out.asf", header=ASF.header)
    packets = made.path.read_bytes()[len(ASF.header) :]
    assert packets == b"".join(ASF.packets[30 - made.packets :])
    assert made.missing == [(0, 30 - made.packets)]


def test_segments_that_were_lost_leave_a_hole_that_is_reported(tmp_path):
    def keep(i, frame):
        if frame[1] == "data":
            keep.seen += 1
        return frame[1] != "data" or keep.seen not in (9, 10)  # the header comes first

    keep.seen = 0
    cap = capture(tmp_path, whole(ASF), keep=keep)
    (row,) = cap.sessions
    assert row["partial"] & table.MISSING
    (left,) = cap.write_asf(0, tmp_path / "left.asf")
    assert left.missing == [(7, 2)]
    want = ASF.packets[:7] + ASF.packets[9:]
    assert left.path.read_bytes()[len(ASF.header) :] == b"".join(want)
    (filled,) = cap.write_asf(0, tmp_path / "filled.asf", missing="fill")
    data = filled.path.read_bytes()
    assert (filled.packets, filled.filled, filled.complete) == (30, 2, False)
    assert len(data) == len(ASF.file)
    at = len(ASF.header) + 7 * 400
    assert data[:at] == ASF.file[:at]
    assert data[at + 800 :] == ASF.file[at + 800 :]


@pytest.mark.parametrize("seed", range(12))
def test_whatever_frames_are_lost_the_rest_is_a_session(tmp_path, seed):
    chance = random.Random(seed)
    dropped = set(chance.sample(range(60), 10))
    udp = 7000 if seed % 2 else None
    cap = capture(
        tmp_path, whole(ASF, udp=udp, pieces=1 + seed % 3), keep=lambda i, _: i not in dropped
    )
    for session, row in enumerate(cap.sessions):
        cap.session(session).as_dict()
        assert row["media_packets"] <= 30
        try:
            made = cap.write_asf(session, tmp_path / "out.asf")
        except TruncatedError:
            continue
        for item in made:
            packets = item.path.read_bytes()[len(ASF.header) :]
            pieces = [packets[i : i + 400] for i in range(0, len(packets), 400)]
            assert all(piece in ASF.packets for piece in pieces)
            assert pieces == sorted(pieces, key=ASF.packets.index)


def test_a_udp_flow_without_its_control_connection_is_a_session(tmp_path):
    cap = capture(tmp_path, whole(ASF, udp=7000), keep=only("udp"))
    (row,) = cap.sessions
    assert row["partial"] & table.NO_CLIENT
    assert (row["client_flow"], row["server_flow"], row["media_packets"]) == (-1, -1, 30)
    (made,) = cap.write_asf(0, tmp_path / "out.asf")
    assert made.path.read_bytes() == ASF.file


def test_two_sessions_on_one_udp_port_keep_their_data_apart(tmp_path):
    first = whole(ASF, udp=7000, port=40001)
    other = make.asf(count=10, first_send=5000)
    second = whole(other, udp=7000, port=40002, start=200)
    cap = capture(tmp_path, first, second)
    assert cap.sessions["media_packets"].tolist() == [30, 10]
    for number, asf in enumerate((ASF, other)):
        (made,) = cap.write_asf(number, tmp_path / f"{number}.asf")
        assert made.path.read_bytes() == asf.file


def test_bytes_that_are_malformed_mark_the_session(tmp_path):
    play = Play().open().connect()
    play.tcp("s", b"\x55" * 300)
    play.open_file(ASF).read_header(ASF).start().packets(ASF, range(30)).close_file().close()
    cap = capture(tmp_path, play)
    assert cap.sessions["partial"][0] & table.FAULTS
    (made,) = cap.write_asf(0, tmp_path / "out.asf")
    assert made.complete
