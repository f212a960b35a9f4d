"""Sessions with one thing in them that is not plain, or just so: both ways give the same tables."""

import struct

import numpy as np
import pytest

import mmscodec
from mmscodec import mms
from mmscodec.capture.dtypes import CAPTURE_MESSAGES
from mmscodec.sessions import _bulk
from mmscodec.sessions.pairing import EXCHANGES
from tests.asf import make
from tests.capture import build
from tests.sessions.kinds import ask_start, ask_stop, begun, confirm, done, end_of_stream, media
from tests.sessions.play import MS, Play, capture
from tests.sessions.test_bulk import assert_same

ASF = make.asf(count=60)
START, STARTED = "LinkViewerToMacStartPlaying", "LinkMacToViewerReportStartedPlaying"
READ, READ_REPORT = "LinkViewerToMacReadBlock", "LinkMacToViewerReportReadBlock"
READY = 2
START_TIME = 1_795_000_000_000_000_000
STOP, END = "LinkViewerToMacStopPlaying", "LinkMacToViewerReportEndOfStream"


def bare(play, name):
    """A message that ends behind its kind: it has none of its fields."""
    who = "c" if name.startswith("LinkViewer") else "s"
    texts = {"subscriber_name": ""} if name == "LinkViewerToMacConnect" else {}
    whole = mms.encode(name, seq=play.count[who], **texts)
    head = whole[:8] + struct.pack("<I", 24) + whole[12:16] + struct.pack("<I", 3) + whole[20:32]
    play.tcp(who, head + struct.pack("<I", 1) + whole[36:40], kind=name)
    play.count[who] += 1
    return play


def seen(tmp_path, play, plain):
    """The one session of a play, which is worked out together with others or by itself."""
    cap = capture(tmp_path, play)
    assert_same(cap)
    assert cap._sessions.plain.tolist() == [plain]
    return cap.sessions[0]


def playing():
    return confirm(ask_start(begun(ASF), 10), 10)


@pytest.mark.parametrize(
    "name", [READ, READ_REPORT, STARTED, STOP, END, "LinkViewerToMacCloseFile",
             "LinkMacToViewerReportOpenFile", "LinkViewerToMacConnect"],
)  # fmt: skip
def test_a_message_without_its_fields_says_only_that_it_was_sent(tmp_path, name):
    play = bare(media(playing(), range(30), asf=ASF), name)
    media(play, range(30, 60), sequence=30, asf=ASF)
    row = seen(tmp_path, done(end_of_stream(play)), True)
    assert (row["media_packets"], row["played_out"], row["seeks"]) == (60, 1, 0)


@pytest.mark.parametrize(("count", "plain"), [(250, True), (260, False)])
@pytest.mark.parametrize("name", [READ, START, STARTED])
def test_many_requests_and_reports_of_one_start(tmp_path, name, count, plain):
    play = playing()
    for number in range(count):
        play.say(name, play_incarnation=10 if name == STARTED else number)
    seen(tmp_path, done(media(play, range(60), asf=ASF)), plain)


@pytest.mark.parametrize(("count", "plain"), [(760, True), (770, False)])
def test_many_stops(tmp_path, count, plain):
    play = media(playing(), range(60), asf=ASF)
    for _ in range(count):
        ask_stop(play, 10)
    seen(tmp_path, done(play), plain)


@pytest.mark.parametrize(("count", "plain"), [(1020, True), (1030, False)])
def test_many_starts_whose_packets_take_turns(tmp_path, count, plain):
    play = playing()
    confirm(ask_start(play, 11), 11)
    for number in range(count):
        media(play, [number % 60], incarnation=10 + number % 2, sequence=number, asf=ASF)
    row = seen(tmp_path, done(play), plain)
    assert row["media_packets"] == count


def test_a_report_of_a_start_that_the_client_sent_is_no_place_in_the_media(tmp_path):
    play = playing()
    media(play, range(30), asf=ASF)
    play.tcp("c", mms.encode(STARTED, seq=play.count["c"], play_incarnation=10), kind=STARTED)
    play.count["c"] += 1
    seen(tmp_path, done(media(play, range(30, 60), sequence=30, asf=ASF)), True)


def test_a_report_without_a_request_stands_for_it(tmp_path):
    play = Play().open().connect().open_file(ASF)
    play.say(READ_REPORT, play_incarnation=1).header(ASF, 1)
    media(confirm(play, 10), range(60), asf=ASF)
    row = seen(tmp_path, done(end_of_stream(play)), True)
    assert row["media_packets"] == 60


@pytest.mark.parametrize("again", ["opened", "asked"])
def test_a_file_that_is_opened_behind_another_or_behind_a_request_is_not_plain(tmp_path, again):
    play = Play().open().connect()
    if again == "asked":
        play.say(READ, open_file_id=5, play_incarnation=1)
    play.open_file(ASF)
    if again == "opened":
        play.open_file(ASF)
    play.read_header(ASF)
    seen(tmp_path, done(media(confirm(ask_start(play, 10), 10), range(60), asf=ASF)), False)


# ---- header


def header_of(play, flags, locations=(0, 1, 2)):
    """Fragments of a header one after the other."""
    third = -(-len(ASF.header) // 3)
    for i, (place, flag) in enumerate(zip(locations, flags, strict=True)):
        play.data(place, ASF.header[i * third : (i + 1) * third], 1, flag)
    return play


def opened(**fields):
    play = Play().open().connect().open_file(ASF, **fields)
    play.say(READ, open_file_id=5, play_incarnation=1)
    return play.say(READ_REPORT, play_incarnation=1)


def then_played(play):
    return done(end_of_stream(media(confirm(ask_start(play, 10), 10), range(60), asf=ASF)))


@pytest.mark.parametrize(
    ("locations", "plain"),
    [((0, 1, 2), True), ((0, 2, 1), False), ((0, 1, 1), False), ((0, 1, 4), False),
     ((1, 2, 3), False), ((0, 0, 1), False)],
)  # fmt: skip
def test_fragments_of_a_plain_header_are_numbered_in_order(tmp_path, locations, plain):
    seen(tmp_path, then_played(header_of(opened(), (4, 0, 0xC), locations)), plain)


@pytest.mark.parametrize("last", [0xC, 0])
@pytest.mark.parametrize("size", [0, 1, len(ASF.header), len(ASF.header) + 1])
def test_a_header_ends_with_its_last_fragment_or_with_its_size(tmp_path, last, size):
    play = header_of(opened(file_header_size=size), (4, 0, last))
    cap = capture(tmp_path, then_played(play))
    assert_same(cap)
    moves = cap.transitions
    ready = moves[(moves["data"] >= 0) & (moves["after"] == READY)]
    whole = bool(last) or 0 < size <= len(ASF.header)
    assert (len(ready) > 0) == whole


def test_a_header_of_a_file_whose_opening_was_not_captured(tmp_path):
    play = Play().open().connect()
    play.say(READ, open_file_id=5, play_incarnation=1)
    seen(tmp_path, then_played(header_of(play, (4, 0, 0))), True)


@pytest.mark.parametrize("behind", [0, 1, 2])
def test_fragments_of_one_moment_are_complete_with_the_first_of_them(tmp_path, behind):
    play = opened()
    third = -(-len(ASF.header) // 3)
    for i in range(3):
        if i and i >= 3 - behind:
            play.clock -= 1
        play.data(i, ASF.header[i * third : (i + 1) * third], 1, (4, 0, 0xC)[i])
    seen(tmp_path, then_played(play), True)


def test_fragments_of_two_requests_are_not_one_plain_header(tmp_path):
    play = opened()
    play.say(READ, open_file_id=5, play_incarnation=2)
    play.data(0, ASF.header[:100], 1, 4)
    play.data(1, ASF.header[100:], 2, 0xC)
    seen(tmp_path, then_played(play), False)


@pytest.mark.parametrize("back", [0, 2, 50])
@pytest.mark.parametrize("where", ["header", "media", "stop", "start", "report"])
def test_clocks_that_jump_back(tmp_path, where, back):
    def jump(here):
        play.clock -= back * (where == here)

    play = opened().data(0, ASF.header[:100], 1, 4)
    jump("header")
    play.data(1, ASF.header[100:], 1, 0xC)
    confirm(ask_start(play, 10), 10)
    media(play, range(30), asf=ASF)
    jump("media")
    media(play, range(30, 40), sequence=30, asf=ASF)
    jump("stop")
    end_of_stream(ask_stop(play, 10))
    jump("start")
    ask_start(play, 11)
    jump("report")
    confirm(play, 11)
    media(play, range(40, 60), incarnation=11, sequence=40, asf=ASF)
    frames = [(START_TIME + ms * MS, frame) for ms, _, _, frame in done(play).frames]
    path = tmp_path / "jump.pcap"
    path.write_bytes(build.pcap(frames))
    cap = mmscodec.open(path)
    assert_same(cap)
    assert cap.sessions["media_packets"].tolist() == [60]
    if not back:
        assert cap._sessions.plain.tolist() == [True]
    elif where in ("header", "media"):
        assert cap._sessions.plain.tolist() == [False]


@pytest.mark.parametrize("place", ["front", "between", "behind"])
def test_filler_of_a_packet_pair_is_no_media(tmp_path, place):
    def filler(play):
        play.say("LinkMacToViewerReportFunnelInfo", play_incarnation=0xF0F0F0F0)
        play.data(0xF0F0F000, bytes(1448), 0xFF, 0x10)
        return play.data(0xF0F0F000, bytes(1448), 0xFF, 0x10)

    play = Play().open().connect().open_file(ASF)
    if place == "front":
        filler(play)
    play.read_header(ASF)
    confirm(ask_start(play, 10), 10)
    media(play, range(30), asf=ASF)
    if place == "between":
        filler(play)
    media(play, range(30, 60), sequence=30, asf=ASF)
    if place == "behind":
        filler(play)
    row = seen(tmp_path, done(end_of_stream(play)), True)
    assert row["media_packets"] == 60


def test_media_that_nobody_asked_for_is_not_plain(tmp_path):
    play = media(playing(), range(30), asf=ASF)
    media(play, range(30, 60), incarnation=77, sequence=30, asf=ASF)
    seen(tmp_path, done(play), False)


# ---- seeks and pauses


def goes_on(port, rise, counted, step, last):
    """The second start begins `rise` places and `counted` numbers behind the last packet."""
    play = confirm(ask_start(begun(ASF, port=port), 10), 10)
    at = 1000
    for number in range(last - 19, last + 1):
        at += step
        play.data(at, ASF.packets[number % 60], 10, number)
    end_of_stream(ask_stop(play, 10))
    confirm(ask_start(play, 11), 11)
    for number in range(20):
        play.data(at + rise + number * step, ASF.packets[number], 11, last + counted + number)
    return done(end_of_stream(play, 11))


@pytest.mark.parametrize(("step", "last"), [(1, 29), (1, 254), (2, 40)])
def test_where_a_start_goes_on(tmp_path, step, last):
    cases = [(r, n) for r in (-5, 0, 1, 2, 3, 200, 257, 300) for n in (0, 1, 2, 3, 127, 128, 200)]
    plays = [goes_on(40_000 + i, *case, step, last) for i, case in enumerate(cases)]
    cap = capture(tmp_path, *plays)
    assert_same(cap)
    assert cap._sessions.plain.all()
    ports = cap.flows["src_port"][cap.sessions["client_flow"]].tolist()
    moved = {port: (row["pauses"], row["seeks"]) for port, row in
             zip(ports, cap.sessions, strict=True)}  # fmt: skip
    for i, (rise, counted) in enumerate(cases):
        number = 1 if (last == 254 and counted == 2) else counted  # 255 was left out
        if rise > 0 and step == 1 and 0 < number < 128:
            on = rise % 256 == number
        else:
            on = 0 < rise <= step
        assert moved[40_000 + i] == (on, not on), (rise, counted)


@pytest.mark.parametrize("number", [0, 1, 255])
def test_a_new_start_leaves_the_number_255_out(tmp_path, number):
    play = playing()
    for place in range(20):
        play.data(place, ASF.packets[place], 10, 254 - 19 + place)
    end_of_stream(ask_stop(play, 10))
    confirm(ask_start(play, 11), 11)
    media(play, range(20, 60), incarnation=11, sequence=number, asf=ASF)
    row = seen(tmp_path, done(end_of_stream(play, 11)), True)
    assert row["pauses"] == (number != 1)


@pytest.mark.parametrize(
    "asks",
    [{}, {"location_id": 20}, {"location_id": 30}, {"location_id": 0}, {"position": 0.0},
     {"position": 2.0}, {"location_id": 0xFFFFFFFF, "position": 0.0, "asf_offset": 0xFFFFFFFF}],
)  # fmt: skip
@pytest.mark.parametrize("first", [True, False])
def test_a_start_that_brought_nothing_goes_where_it_asked_for(tmp_path, asks, first):
    play = begun(ASF)
    if not first:
        confirm(ask_start(play, 12), 12)
    confirm(ask_start(play, 10), 10)
    if first:
        media(play, range(20), asf=ASF)
    end_of_stream(ask_stop(play, 10))
    play.say(START, open_file_id=5, play_incarnation=11, **asks)
    confirm(play, 11)
    end_of_stream(ask_stop(play, 11))
    confirm(ask_start(play, 13), 13)
    media(play, range(20, 60), incarnation=13, sequence=20, asf=ASF)
    seen(tmp_path, done(end_of_stream(play, 13)), True)


def test_a_start_without_fields_is_one(tmp_path):
    play = media(playing(), range(20), asf=ASF)
    end_of_stream(ask_stop(play, 10))
    bare(play, START)
    end_of_stream(ask_stop(play, 10))
    confirm(ask_start(play, 11), 11)
    media(play, range(20, 60), incarnation=11, sequence=20, asf=ASF)
    seen(tmp_path, done(end_of_stream(play, 11)), True)


# ---- the buffer


@pytest.mark.parametrize("broken", [range(1), range(5), range(60), range(30, 31), range(10, 60)])
def test_packets_without_a_send_time_tell_nothing_about_the_buffer(tmp_path, broken):
    play = playing()
    for number, packet in enumerate(ASF.packets):
        play.data(number, b"\xff" * len(packet) if number in broken else packet, 10, number)
    row = seen(tmp_path, done(end_of_stream(play)), True)
    assert row["media_packets"] == 60


# ---- exchanges


@pytest.mark.parametrize(
    ("asked", "answered", "latency"),
    [(5, 9, 4), (9, 5, -4), (-(1 << 63), (1 << 63) - 1, (1 << 63) - 1),
     ((1 << 63) - 1, -(1 << 63), -(1 << 63) + 1), (-1, (1 << 63) - 1, (1 << 63) - 1)],
)  # fmt: skip
def test_an_answer_at_any_time_has_the_nearest_latency(asked, answered, latency):
    messages = np.zeros(2, CAPTURE_MESSAGES)
    messages["mid"] = 0x0004001B, 0x0003001B  # Ping and Pong
    messages["time"] = asked, answered
    none, rows = np.full(2, -1), np.arange(2)
    control = _bulk.Control(messages, none, none, none, rows, np.array([0, 2]))
    (row,) = control.exchanges().array(EXCHANGES)
    assert (row["request"], row["response"], row["latency"]) == (0, 1, latency)
