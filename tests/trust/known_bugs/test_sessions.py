"""Sessions in an order that no peer keeps, and media that never end."""

import itertools
import struct

import pytest

from mmscodec import asf, mms
from tests.asf import make
from tests.asf.test_header import with_object
from tests.sessions.play import Play
from tests.sessions.play import capture as play_capture
from tests.trust.known_bugs import wire

FILE = make.asf(6, 200)
FIRST = {
    "LinkViewerToMacConnect": {"subscriber_name": "NSPlayer/9.0; {0}"},
    "LinkViewerToMacFunnelInfo": {},
    "LinkViewerToMacConnectFunnel": {"funnel_name": r"\\192.0.2.1\TCP\1037"},
    "LinkViewerToMacOpenFile": {"file_name": "film.asf"},
    "LinkViewerToMacReadBlock": {},
    "LinkViewerToMacStartPlaying": {},
}
ANSWERS = ("LinkMacToViewerReportConnectedEX", "LinkMacToViewerReportStartedPlaying")


def captured(folder, names, answered=True):
    """A capture of a client that says these in this order, and of a server that says two things."""
    play = Play().open()
    for name in names:
        play.say(name, **FIRST.get(name, {}))
        if answered:
            play.say(ANSWERS[0])
            play.say(ANSWERS[1])
    return play_capture(folder, play.close())


def looked_through(cap, count):
    """Every table of a capture; there is one session, of `count` messages, and no fault."""
    assert len(cap.messages) == count
    assert len(cap.faults) == 0
    assert len(cap.sessions) <= 1
    for number in range(len(cap.sessions)):
        session = cap.session(number)
        assert str(session)
        assert session.quality is not None
    assert (cap.transitions["before"] != cap.transitions["after"]).all()


def test_cve_2000_0211_the_first_messages_in_every_order(tmp_path):
    # every seventh of the 720: each message stands at each place, and behind each other one
    for number, order in enumerate(itertools.islice(itertools.permutations(FIRST), 0, None, 7)):
        answered = number % 2 == 0
        cap = captured(tmp_path, order, answered)
        looked_through(cap, len(order) * (3 if answered else 1))


@pytest.mark.parametrize("name", mms.MESSAGES)
def test_cve_2000_0211_every_message_as_the_first(name, tmp_path):
    play = Play().open().say(name, **FIRST.get(name, {})).close()
    cap = play_capture(tmp_path, play)
    looked_through(cap, 1)
    assert len(cap.findings.text()) == len(cap.findings)


def test_libmms_change_logs_stream_numbers_of_a_header():
    for number in (0, 1, 23, 24, 127):
        found = asf.describe(make.header(20, 400, extra=make.audio_stream(number)))
        assert [stream.number for stream in found.streams] == sorted({1, number})


@pytest.mark.parametrize("pieces", [2, 40, 400])
def test_libmms_change_logs_a_header_over_many_data_packets(pieces, tmp_path):
    play = Play().open().connect().open_file(FILE).read_header(FILE, pieces=pieces).start()
    play.packets(FILE, range(len(FILE.packets)))
    path = tmp_path / "film.asf"
    play_capture(tmp_path, play.close()).write_asf(0, path)
    assert path.read_bytes()[: len(FILE.header)] == FILE.header


def test_libmms_change_logs_a_stream_that_ends_anywhere_ends():
    stream = mms.encode("LinkMacToViewerPing") + b"".join(
        mms.encode("Data", location_id=i, play_incarnation=4, payload=bytes(30)) for i in range(4)
    )
    for end in range(len(stream)):
        batch = wire.looked_through(stream[:end])
        assert batch.consumed <= end
        decoder = mms.Decoder()
        decoder.feed(stream[:end])
        assert decoder.close() is not None
        assert decoder.closed


@pytest.mark.parametrize("size", [0, 1, 23, 24, 25, 1000, 1 << 31, 1 << 63, (1 << 64) - 1])
def test_cve_2018_1999010_an_object_of_size(size):
    for guid in (make.FILE, make.STREAM, make.EXTENSION, bytes(16)):
        whole = with_object(size, guid, body=bytes(1))
        found = asf.describe(wire.exactly(whole))
        assert len(found.streams) <= 2
        assert found.packet_count == 20


def test_cve_2018_1999010_an_extension_that_ends_inside_of_an_object():
    inner = make.audio_stream(2)
    for cut in range(len(inner) + 1):
        body = make.RESERVED + struct.pack("<HI", 6, len(inner)) + inner[:cut]
        header = make.header(20, 400, extra=make.obj(make.EXTENSION, body))
        found = asf.describe(wire.exactly(header))
        assert found.packet_count == 20
        assert (len(found.problems) == 0) == (cut == len(inner))
