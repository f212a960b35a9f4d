"""Connections over which files go: a greeting, GET or SEND, size and positions."""

import pytest

import mmscodec
from mmscodec import winmx
from mmscodec.errors import EncodeError
from tests.winmx import talks
from tests.winmx.talks import CLIENT, SERVER, Segment
from tests.winmx.test_unread import everywhere

PATH = "C:\\Music\\a song.mp3"
DATA = b"\xff\xfb\x90\x64" + bytes(range(256)) * 40


def spoken(verb, greets):
    """Streams of both sides of a transfer, and (offset, length, name) of what they say."""
    name = {"GET": "FileRequest", "SEND": "FileOffer"}[verb]
    ask = winmx.encode(name, user_name="Gumdrop609_21270", path=PATH)
    size = winmx.encode("FileSize", size_text=str(len(DATA)))
    positions = winmx.encode("FilePositions", start_position=0, end_position=len(DATA))
    said = [[(b"1", "TransferGreeting")] if side == greets else [] for side in (CLIENT, SERVER)]
    said[CLIENT].append((ask, name))
    if verb == "GET":
        said[SERVER].append((size, "FileSize"))
        said[CLIENT].append((positions, "FilePositions"))
        file = SERVER
    else:
        said[SERVER].append((positions, "FilePositions"))
        file = CLIENT
    rows, streams = [[], []], []
    for side in (CLIENT, SERVER):
        at = 0
        for data, kind in said[side]:
            rows[side].append((at, len(data), kind))
            at += len(data)
        streams.append(b"".join(data for data, _ in said[side]) + (DATA if side == file else b""))
    return streams, rows


def made_of(streams, greets, most=700):
    made = talks.Talk("transfer", streams, [])
    cuts = [
        [Segment(side, at, data[at : at + most]) for at in range(0, len(data), most)]
        for side, data in enumerate(streams)
    ]
    first = Segment(greets, 0, streams[greets][:1])
    cuts[greets][0] = Segment(greets, 1, cuts[greets][0].data[1:])
    made.segments = [first, cuts[CLIENT][0], cuts[SERVER][0], *cuts[CLIENT][1:], *cuts[SERVER][1:]]
    made.segments = [s for s in made.segments if s.data]
    return made


@pytest.mark.parametrize("verb", ["GET", "SEND"])
@pytest.mark.parametrize("greets", [CLIENT, SERVER])
@pytest.mark.parametrize("syn", [True, False])
def test_a_transfer_is_recognised_and_its_words_are_rows(verb, greets, syn):
    streams, expected = spoken(verb, greets)
    made = made_of(streams, greets)
    packets, faults, _ = everywhere(talks.capture(made, syn=syn), sizes=(1000,))
    assert faults == []
    for side in (CLIENT, SERVER):
        assert [row[:2] for row in packets if row[4] == side + 1] == [
            row[:2] for row in expected[side]
        ]
    with mmscodec.open(talks.capture(made, syn=syn)) as capture:
        assert set(capture.winmx.links.values()) == {"transfer"}
        name = {"GET": "FileRequest", "SEND": "FileOffer"}[verb]
        assert capture.column(name, "user_name").tolist() == ["Gumdrop609_21270"]
        assert capture.column(name, "path").tolist() == [PATH]
        assert capture["FilePositions"]["end_position"].tolist() == [len(DATA)]
        if verb == "GET":
            assert capture.column("FileSize", "size_text").tolist() == [str(len(DATA))]


def test_words_come_back_from_their_bytes():
    for name, fields in (
        ("FileRequest", {"user_name": "a b", "path": "c d", "rest": b" M"}),
        ("FileOffer", {"user_name": "", "path": "", "rest": b""}),
        ("FileSize", {"size_text": "92345"}),
        ("FilePositions", {"start_position": 1, "end_position": 1 << 31}),
        ("TransferGreeting", {}),
    ):
        frame = winmx.encode(name, **fields)
        batch = winmx.decode(frame, link="transfer")
        assert batch.names == {name: 1}
        assert len(batch.faults) == 0
        assert winmx.encode(name, **batch.fields(0)) == frame
    assert winmx.encode("FileRequest", user_name="me", path="x") == b'GETme "x"'
    with pytest.raises(EncodeError, match="quotation mark"):
        winmx.encode("FileRequest", user_name="me", path='x"y')
    with pytest.raises(EncodeError, match="verb"):
        winmx.encode("FileRequest", verb=b"PUT", user_name="me", path="x")


@pytest.mark.parametrize("request_", [b"GET / HTTP/1.0\r\n\r\n", b"SEND FROM:<a@b>\r\n"])
def test_other_protocols_with_these_words_are_no_transfer(request_):
    for answer in (b"HTTP/1.0 200 OK\r\n\r\n", b"100\r\n", b"1"):
        made = talks.Talk("", [request_, answer], [Segment(0, 0, request_), Segment(1, 0, answer)])
        with mmscodec.open(talks.capture(made)) as capture:
            assert not (capture.flows["protocol"] == "winmx").any()


@pytest.mark.parametrize("size", [1, 5, 4096, 100_000])
def test_a_decoder_reads_a_side_as_decode_does(size):
    """Of a side that goes on without end nothing but its first bytes is kept."""
    positions = winmx.encode("FilePositions", start_position=1, end_position=9)
    asked = winmx.encode("FileRequest", user_name="me", path="x")
    answer = winmx.encode("FileSize", size_text="92345")
    for data in (b"1" + asked + positions, b"1" + answer, bytes(9000), b"1" + positions, b""):
        whole = winmx.decode(data, link="transfer")
        decoder = winmx.Decoder(link="transfer", start=7)
        for at in range(0, len(data), size):
            assert len(decoder.feed(data[at : at + size]).packets) == 0
            assert decoder.buffered <= 4096
        batch = decoder.close()
        assert (batch.packets["offset"] - 7).tolist() == whole.packets["offset"].tolist()
        assert batch.names == whole.names
        assert batch.consumed - 7 == whole.consumed == decoder.position - 7
        assert [batch.fields(i) for i in range(len(batch.packets))] == [
            whole.fields(i) for i in range(len(whole.packets))
        ]
        assert decoder.buffered == 0
