"""What begins or ends in another way than the log of a clean session."""

import numpy as np
import pytest

from mmscodec.cli.main import main
from mmscodec.cli.session_words import Report, Tables
from mmscodec.errors import MmsCodecError
from mmscodec.sessions import table
from tests.asf import make
from tests.sessions.kinds import (
    KINDS,
    NO_LIMIT,
    UDP,
    ask_start,
    begun,
    confirm,
    done,
    end_of_stream,
    media,
    redirected,
    udp_loss,
)  # fmt: skip
from tests.sessions.play import Play, capture, whole
from tests.sessions.test_kinds import media_of

ASF = make.asf(count=60)


def words(cap, session=0):
    """The lines of a session by label."""
    return dict(Report(Tables(cap), cap.session(session)).lines())


def extract(cap_path, folder):
    folder.mkdir(exist_ok=True)
    return main(["extract", str(cap_path), "-o", str(folder), "--quiet"])


# ---- header begun before the capture


@pytest.mark.parametrize("udp", [None, UDP])
@pytest.mark.parametrize("kept", [1, 2, 3])
def test_fragments_of_another_incarnation_are_no_media(tmp_path, udp, kept):
    """The last fragments of a header whose ReadBlock and first fragment were not captured."""
    play = Play().open().connect(udp=udp).open_file(ASF)
    play.read_header(ASF, pieces=4, udp=udp)
    ask_start(play, 10)
    confirm(play, 10)
    media(play, range(60), udp=udp, asf=ASF)
    done(end_of_stream(play))
    kind = "udp" if udp else "data"
    first = [i for i, frame in enumerate(play.frames) if frame[2] == kind][4 - kept]
    cap = capture(tmp_path, play, keep=lambda i, _: i >= first)
    assert cap.sessions["media_packets"].sum() == 60
    (made,) = cap.write_asf(0, tmp_path / "out.asf", header=ASF.header)
    assert media_of(made) == ASF.packets
    assert made.conflicts == made.duplicates == 0


def test_conflicts_are_said_and_forbid_complete(tmp_path, capsys):
    other = make.asf(count=60, first_send=7)
    play = begun(ASF)
    ask_start(play, 10)
    confirm(play, 10)
    media(play, range(60), asf=ASF)
    ask_start(play, 11)
    confirm(play, 11)
    media(play, range(5), asf=other, incarnation=11, sequence=60)
    cap = capture(tmp_path, done(end_of_stream(play, 11)))
    (made,) = cap.write_asf(0, tmp_path / "out.asf")
    assert media_of(made) == ASF.packets
    assert (made.conflicts, made.duplicates, made.complete) == (5, 0, False)
    assert any("differ" in line for line in made.problems)
    assert extract(tmp_path / "play.pcap", tmp_path / "x") == 3
    assert "5 that contradict others, left out" in capsys.readouterr().out


def test_copies_that_are_the_same_are_duplicates(tmp_path):
    cap = capture(tmp_path, *KINDS["seek back"]().plays)
    (made,) = cap.write_asf(0, tmp_path / "out.asf")
    assert (made.duplicates, made.conflicts, made.complete) == (30, 0, True)


# ---- loss


@pytest.mark.parametrize("limit", [0, NO_LIMIT, 0x7FFFFFFF, 10_000, 0x80000000 | 20_000])
def test_losses_at_the_end_are_counted_whatever_third_party_players_send(tmp_path, limit):
    play = begun(ASF, udp=UDP)
    play.say("LinkViewerToMacStartPlaying", open_file_id=5, play_incarnation=10,
             frame_offset=limit)  # fmt: skip
    confirm(play, 10)
    media(play, range(50), udp=UDP)
    row = capture(tmp_path, done(end_of_stream(play))).sessions[0]
    assert (row["lost"], row["lost_at_end"]) == (10, 10)


def test_a_client_that_asked_for_less_lost_nothing_at_the_end(tmp_path):
    play = begun(ASF, udp=UDP)
    play.say("LinkViewerToMacStartPlaying", open_file_id=5, play_incarnation=10, frame_offset=5000)
    confirm(play, 10)
    media(play, range(50), udp=UDP)
    row = capture(tmp_path, done(end_of_stream(play))).sessions[0]
    assert row["lost"] == 0


@pytest.mark.parametrize("lost", [1, 5, 59])
def test_packets_lost_before_the_first_arrival_are_counted(tmp_path, lost):
    row = capture(tmp_path, *udp_loss(range(lost)).plays).sessions[0]
    assert (row["lost"], row["lost_at_start"], row["longest_loss"]) == (lost, lost, lost)


def test_more_than_256_packets_lost_before_the_first_are_counted_by_their_place(tmp_path):
    long = make.asf(count=400)
    play = begun(long, udp=UDP)
    ask_start(play, 10)
    confirm(play, 10)
    media(play, range(400), udp=UDP, asf=long, lose=range(300))
    row = capture(tmp_path, done(end_of_stream(play))).sessions[0]
    assert (row["lost"], row["lost_at_start"]) == (300, 300)


@pytest.mark.parametrize("name", ["nothing came", "nothing came udp", "lost totally"])
def test_total_loss_is_an_end_reason_and_extract_fails(tmp_path, name, capsys):
    cap = capture(tmp_path, *KINDS[name]().plays)
    assert cap.session(0).end_text == "playback started, nothing came"
    assert extract(tmp_path / "play.pcap", tmp_path / "x") == 1
    assert "playback started, nothing came" in capsys.readouterr().err


def test_nothing_came_is_not_said_where_the_capture_would_not_show_it(tmp_path):
    plays = KINDS["nothing came udp"]().plays
    cap = capture(tmp_path, *plays, keep=lambda _, frame: frame[1] != "udp")  # a filter on TCP
    assert cap.session(0).end_text == "closed by the client"
    assert cap.sessions["udp_story"][0] == 4


def test_a_file_without_media_is_not_status_0(tmp_path, capsys):
    cap = capture(tmp_path, begun(ASF).close())
    assert cap.sessions["media_packets"][0] == 0
    assert extract(tmp_path / "play.pcap", tmp_path / "x") == 1
    assert "no media" in capsys.readouterr().err


def test_not_played_needs_a_captured_start(tmp_path):
    play = begun(ASF)
    ask_start(play, 10, position=1.0)
    confirm(play, 10)
    media(play, range(20, 60), asf=ASF)
    done(end_of_stream(play))
    cap = capture(tmp_path, play)
    (made,) = cap.write_asf(0, tmp_path / "out.asf")
    assert (made.missing, made.skipped) == ([(0, 20)], 20)
    first = next(i for i, frame in enumerate(play.frames) if frame[2].endswith("StartedPlaying"))
    cap = capture(tmp_path, play, keep=lambda i, _: i > first, name="late.pcap")
    (made,) = cap.write_asf(0, tmp_path / "out.asf", header=ASF.header)
    assert (made.missing, made.skipped) == ([(0, 20)], 0)


# ---- ends


def test_a_viewer_who_stops_inside_a_data_packet_is_no_damage(tmp_path, capsys):
    cap = capture(tmp_path, *KINDS["stopped inside a packet"]().plays)
    assert cap.sessions["partial"][0] == 0
    assert extract(tmp_path / "play.pcap", tmp_path / "x") == 0
    assert main(["sessions", str(tmp_path / "play.pcap"), "--quiet"]) == 0
    assert "damaged" not in capsys.readouterr().err


def test_a_server_that_stops_inside_a_data_packet_is(tmp_path):
    play = KINDS["stopped inside a packet"]().plays[0]
    cap = capture(tmp_path, play, keep=lambda _, frame: frame[1] != "rst")
    assert cap.sessions["partial"][0] & table.FAULTS


def test_who_ended_it_and_after_which_message(tmp_path):
    row = capture(tmp_path, whole(ASF)).sessions[0]
    assert (row["ended_by"], row["played_out"], row["end_reason"]) == (1, 1, 1)
    play = begun(ASF)
    ask_start(play, 10)
    confirm(play, 10)
    media(play, range(20), asf=ASF)
    play.tcp("s", flags=4 | 16, kind="rst")
    cap = capture(tmp_path, play, name="rst.pcap")
    row = cap.sessions[0]
    assert (row["ended_by"], row["played_out"]) == (2, 0)
    assert cap.messages["mid"][row["end_message"]] == 0x00040005
    assert row["reached"] == pytest.approx(1.9)
    assert words(cap)["ended"] == "by the server after ReportStartedPlaying, abandoned at 1.9 s"


@pytest.mark.parametrize("ways", [("cs", "fin"), ("sc", "fin"), ("cs", "rst"), ("sc", "rst")])
def test_who_closed_first_ended_it_whoever_has_the_last_word(tmp_path, ways):
    (first, second), how = ways
    play = begun(ASF)
    ask_start(play, 10)
    confirm(play, 10)
    media(play, range(20), asf=ASF)
    play.tcp(first, flags=1 | 16, kind="fin")
    play.tcp(second, flags=(1 if how == "fin" else 4) | 16, kind=how)
    for who in "scsc":  # late acknowledgments
        play.tcp(who)
    row = capture(tmp_path, play, name="both.pcap").sessions[0]
    assert row["ended_by"] == (1 if first == "c" else 2)


@pytest.mark.parametrize("overlap", [True, False])
def test_a_redirect_to_another_host_is_not_joined(tmp_path, overlap):
    truth = redirected(overlap)
    stranger = begun(port=40009, server="10.0.0.8", start=truth.plays[0].clock)
    cap = capture(tmp_path, truth.plays[0], stranger)
    assert (cap.sessions["redirected_to"] == -1).all()


def test_many_redirects_and_reconnects_are_all_joined(tmp_path):
    plays, at = [], 0
    for number in range(8):
        truth = redirected(overlap=number % 2 == 0)
        for play in truth.plays:
            play.frames = [(ms + at, *rest) for ms, *rest in play.frames]
            plays.append(play)
        at += 200_000
    for number, play in enumerate(plays):  # other ports, or they would be one connection
        again = Play(port=41_000 + number, server=play.ends["s"][0])
        new = again.ends["c"][1].to_bytes(2, "big")
        play.frames = [(ms, who, kind, frame[:34] + (new if who == "c" else frame[34:36])
                        + (new if who == "s" else frame[36:38]) + frame[38:])
                       for ms, who, kind, frame in play.frames]  # fmt: skip
    cap = capture(tmp_path, *plays)
    assert (cap.sessions["redirected_to"] >= 0).sum() == 8


# ---- bytes that nothing interpreted


def test_bytes_that_nothing_interpreted_are_in_partial_and_in_the_status(tmp_path, monkeypatch):
    from mmscodec.sessions import analysis

    cap = capture(tmp_path, whole(ASF))
    assert cap.sessions["unread"][0] == 0
    real = analysis.unread_by_flow
    monkeypatch.setattr(analysis, "unread_by_flow", lambda cap: real(cap) + 7)
    assert main(["sessions", str(tmp_path / "play.pcap"), "--quiet"]) == 3
    assert extract(tmp_path / "play.pcap", tmp_path / "x") == 3


@pytest.mark.parametrize("seed", range(10))
def test_unread_bytes_are_those_of_a_plain_walk(seed):
    from mmscodec.sessions.unread import unread_by_flow

    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, 3000, 4)
    rows = {name: [] for name in ("packets", "data", "gaps", "faults")}
    covered = [set() for _ in lengths]
    for name in rows:
        for _ in range(8):
            flow = int(rng.integers(0, 4))
            start, size = int(rng.integers(0, 3000)), int(rng.integers(0, 400))
            rows[name].append((flow, start, size))
            covered[flow] |= set(range(start, min(start + size, int(lengths[flow]))))
    kind = [("flow", "i4"), ("offset", "i8"), ("length", "i8")]
    flows = np.zeros(4, [("length", "u8"), ("transport", "U3")])
    flows["length"], flows["transport"] = lengths, "tcp"
    cap = type("Cap", (), {name: np.array(some, kind) for name, some in rows.items()})()
    cap.flows = flows
    sums = np.zeros(4, int)
    for some in rows.values():
        for flow, _, size in some:
            sums[flow] += size
    found = unread_by_flow(cap)
    for flow, length in enumerate(lengths.tolist()):
        if sums[flow] != length:
            assert found[flow] == length - len(covered[flow])


def test_a_direction_that_was_not_understood_was_captured(tmp_path):
    play = Play().open().say("LinkViewerToMacConnect", subscriber_name="NSPlayer/9; x")
    for _ in range(5):
        play.tcp("s", b"\x55" * 1000)
    row = capture(tmp_path, play.close()).sessions[0]
    assert row["partial"] & (table.FAULTS | table.UNREAD)
    assert not row["partial"] & table.NO_SERVER


# ---- words


def test_pings_that_nobody_answered_are_said(tmp_path):
    play = begun(ASF)
    for _ in range(3):
        play.say("LinkMacToViewerPing")
    assert words(capture(tmp_path, play.close()))["network"] == "3 pings, none answered"
    play = begun(ASF).say("LinkMacToViewerPing")
    text = words(capture(tmp_path, play.close()))["network"]
    assert text == "1 ping, not answered"


def test_credentials_that_were_never_sent_are_said(tmp_path):
    play = Play().open().connect()
    play.say("LinkViewerToMacOpenFile", file_name="a.wmv", play_incarnation=9)
    play.say("LinkMacToViewerSecurityChallenge", play_incarnation=9, p_token=b"r\0", cookie=1)
    cap = capture(tmp_path, play.close())
    assert words(cap)["auth"] == "BASIC, credentials never sent, 1 challenge"
    assert cap.session(0).end_text.endswith("credentials were asked for, none were sent")


@pytest.mark.parametrize(
    ("name", "what", "fields"),
    [
        ("ReportOpenFile", "OpenFile", {"play_incarnation": 9}),
        ("ReportDisconnectedFunnel", "ConnectFunnel", {}),
        ("ReportStartedPlaying", "StartPlaying", {"play_incarnation": 9}),
    ],
)
def test_what_was_refused_is_said(tmp_path, name, what, fields):
    play = Play().open().connect()
    play.say(f"LinkMacToViewer{name}", hr=0x80070005, **fields)
    text = capture(tmp_path, play.close()).session(0).end_text
    assert text.startswith("refused by the server: ")
    assert text.endswith(f", to {what}")


def test_resent_packets_are_apart_from_reordered_ones(tmp_path):
    text = words(capture(tmp_path, *KINDS["lost and resent"]().plays))["network"]
    assert "0 out of order, 0 twice" in text
    assert "2 of 2 packets asked for resent" in text


def test_one_of_a_thing_is_singular(tmp_path):
    play = begun(ASF)
    ask_start(play, 10)
    confirm(play, 10)
    media(play, [0], asf=ASF)
    found = words(capture(tmp_path, done(end_of_stream(play))))
    assert found["played"].startswith("1 packet,")
    assert "1 packets" not in " ".join(found.values())


def test_udp_refused_and_rolled_over_to_tcp_is_one_story(tmp_path):
    found = words(capture(tmp_path, *KINDS["udp refused"]().plays))
    assert found["udp"].startswith("asked for, port 7000: refused")
    assert found["udp"].endswith("then over TCP")


def test_udp_given_up_for_another_connection_is_one_story(tmp_path):
    first = begun(ASF, udp=UDP, port=40001)
    ask_start(first, 10)
    confirm(first, 10)
    first.clock += 8000
    first.tcp("c", flags=4 | 16, kind="rst")
    second = whole(ASF, port=40002, start=first.clock - 500)
    cap = capture(tmp_path, first, second)
    assert cap.sessions["retried_as"].tolist() == [1, -1]
    text = words(cap)["udp"]
    story = "asked for, port 7000: accepted, no media came over it, then over TCP as session 1"
    assert text == story


def test_the_clients_log_stands_beside_what_was_measured(tmp_path):
    play = begun(ASF, udp=UDP)
    ask_start(play, 10)
    confirm(play, 10)
    media(play, range(60), udp=UDP, asf=ASF, lose=(7, 8))
    end_of_stream(play)
    info = {"dw_packets_received": 55, "dw_packets_lost_client": 5, "dw_buffering_count": 2}
    play.say("LinkViewerToMacLogging", log={"info": info})
    cap = capture(tmp_path, done(play))
    row = cap.sessions[0]
    assert (row["log_packets"], row["log_lost"], row["log_bufferings"]) == (55, 5, 2)
    text = words(cap)["log"]
    assert "55 packets (58 captured)" in text
    assert "5 lost (2 measured)" in text
    assert "buffered 2 times" in text


def test_a_replayed_capture_is_said(tmp_path):
    play = whole(ASF)
    frames = list(play.frames)
    play.frames += [(ms + 60_000, *rest) for ms, *rest in frames]
    cap = capture(tmp_path, play)
    if len(cap.sessions) == 1:
        assert cap.sessions["copies"][0] == 2
        assert "captured 2 times" in words(cap)["tcp"]


def test_errors_name_what_is_missing(tmp_path):
    cap = capture(tmp_path, whole(ASF), keep=lambda i, frame: i > 30)
    with pytest.raises(MmsCodecError, match="header was not captured"):
        cap.write_asf(0, tmp_path / "out.asf")
