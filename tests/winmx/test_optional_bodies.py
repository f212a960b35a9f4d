"""Packets whose body may be missing, and types that more than one program sends."""

import struct

import pytest

from mmscodec import winmx
from mmscodec.schema.winmx import PACKETS

EMPTY = {
    0x9901: "IpSendWanted", 0x0066: "JoinAccepted", 0x0068: "ProtocolSupported",
    0x0069: "ServerMarker", 0x9900: "IpSendSupported", 0x13ED: "ClientAnnouncement",
    0x9903: "IpSendEnd",
}  # fmt: skip


@pytest.mark.parametrize("link", ["chat", ""])
@pytest.mark.parametrize("mid", EMPTY, ids=hex)
def test_a_body_may_be_missing(mid, link):
    name = EMPTY[mid]
    for frame, there in ((struct.pack("<HH", mid, 0), 0), (struct.pack("<HHB", mid, 1, 0x31), 1)):
        batch = winmx.decode(frame, link=link)
        assert batch.faults.text() == []
        assert batch[name][batch[name].dtype.names[1]].tolist() == [there]
        if link == "chat":
            fields = batch.fields(0)
            assert winmx.encode(name, **fields) == frame
    marker = winmx.decode(winmx.encode(name), link="chat")
    assert marker.packets["data_length"].tolist() == [1]  # what nearly all peers send


def test_the_other_packet_of_0x13ed_still_needs_its_fields():
    frame = winmx.encode("PrivateMessageAcknowledged", user_handle="WinMX b8a1797a1871",
                         user_name="a", result="SENT")  # fmt: skip
    for link in ("", "secondary"):
        assert len(winmx.decode(frame, link=link).faults) == 0
        cut = frame[:2] + b"\x05\0" + frame[4:9]
        assert winmx.decode(cut, link=link).faults["packet"].tolist() == [0]
    assert len(winmx.decode(b"\xed\x13\0\0", link="secondary").faults) == 1


@pytest.mark.parametrize("mid", [0x00AA, 0x00BB, 0x00CC])
def test_types_that_the_notes_do_not_describe_have_their_bytes_and_no_more(mid):
    batch = winmx.decode(struct.pack("<HH", mid, 3) + b"abc", link="chat")
    (name,) = batch.names
    assert name == f"Chat{mid:04X}"
    (item,) = [item for item in PACKETS if item.mid == mid and item.link == "chat"]
    assert (item.title, item.section, item.roles) == ("not described", "9", "both")
    assert len(batch.findings) == len(batch.faults) == 0
    assert batch.fields(0) == {"data": b"abc"}
    assert winmx.encode(name, data=b"abc") == bytes(batch.pieces[0][1])


def test_0x00c8_is_read_by_who_sent_it():
    up = winmx.encode("Text331", text="hello")
    down = winmx.encode("TextToClients331", user_name="a_00001", text="hello", rank=1)
    assert winmx.decode(up, link="chat").names == {"Text331": 1}
    sent = winmx.decode(down, link="chat", direction="S>C")
    assert sent.names == {"TextToClients331": 1}
    assert sent.column("TextToClients331", "user_name").tolist() == ["a_00001"]
    assert sent["TextToClients331"]["rank"].tolist() == [1]
    assert len(sent["Text331"]) == len(sent.faults) == len(sent.findings) == 0
    assert winmx.encode("TextToClients331", **sent.fields(0)) == down
    received = winmx.Decoder(link="chat", direction="S>C").feed(down)
    assert received.names == sent.names
    client = winmx.decode(up, link="chat", direction="C>S")
    assert client.column("Text331", "text").tolist() == ["hello"]
    assert len(client["TextToClients331"]) == 0
    with pytest.raises(ValueError, match="direction"):
        winmx.decode(up, direction="up")
    out = winmx.decode(down, link="chat", direction="S>C")
    assert winmx.decode(up, link="chat", out=out).names == {"Text331": 1}
