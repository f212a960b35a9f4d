"""All kinds of messages and packets with all fields, in streams that are cut anywhere."""

import pytest

from mmscodec.schema import mms as schema
from mmscodec.schema.winmx import PACKETS
from tests.winmx import test_filetransfer as transfers
from tests.winmx.talks import CLIENT, SERVER, cache
from tests.winmx.talks import capture as captured
from tests.wireshark import shark, talks


@pytest.fixture(scope="module")
def lua(tmp_path_factory):
    shark.needs_tshark()
    return shark.script(tmp_path_factory.mktemp("lua"))


def rows_of(path, raw):
    path.write_bytes(raw)
    return [row for rows in shark.decoded(path).values() for row in rows]


@pytest.mark.parametrize(("seed", "most"), [(1, 90), (2, 1400), (3, 20000)])
def test_every_message_of_mms(lua, tmp_path, seed, most):
    capture = tmp_path / "mms.pcap"
    made = talks.mms_talk(seed, most)
    rows = rows_of(capture, captured(made, ports=talks.MMS_ENDS))
    assert {row["name"] for row in rows} >= {kind.name for kind in schema.MESSAGES} | {"Data"}
    assert {row["type"] for row in rows} == {"message", "data"}
    assert shark.compared(lua, capture) == []


def test_another_port_is_recognised(lua, tmp_path):
    capture = tmp_path / "mms.pcap"
    capture.write_bytes(captured(talks.mms_talk(4, 1400)))  # 6699, where WinMX is asked first
    assert shark.compared(lua, capture) == []


@pytest.mark.parametrize("link", ["secondary", "chat", "primary"])
@pytest.mark.parametrize(("patched", "most"), [(False, 40), (True, 1400)])
def test_every_packet_of_winmx(lua, tmp_path, link, patched, most):
    capture = tmp_path / "winmx.pcap"
    made = talks.winmx_talk(len(link) + most, link, patched=patched, most=most)
    rows = rows_of(capture, captured(made))
    named = {item.name for item in PACKETS if item.link == link and item.name != "PrimaryPacket"}
    assert {row["name"] for row in rows} == named
    assert shark.compared(lua, capture) == []


@pytest.mark.parametrize("verb", ["GET", "SEND"])
@pytest.mark.parametrize("greets", [CLIENT, SERVER])
def test_transfers(lua, tmp_path, verb, greets):
    capture = tmp_path / "transfer.pcap"
    streams, _ = transfers.spoken(verb, greets)
    rows = rows_of(capture, captured(transfers.made_of(streams, greets)))
    assert len(rows) == (4 if verb == "GET" else 3)
    found = shark.compared(lua, capture, without=("TransferGreeting",))  # comes too early to tell
    assert found == []


def test_a_peer_cache_in_pieces(lua, tmp_path):
    capture = tmp_path / "cache.pcap"
    rows = rows_of(capture, captured(cache(5)))
    assert [row["name"] for row in rows] == ["CacheList"]
    assert shark.compared(lua, capture) == []
