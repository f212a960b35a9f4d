"""Every field of every message of the captures, in tshark as in `decode --json`."""

import re

import pytest

from tests.wireshark import shark

ROOT = shark.ROOT
CAPTURES = sorted(
    path
    for folder in ("mms", "own", "winmx", "winmx/cases", "cases")
    for path in (ROOT / folder).iterdir()
    if re.search(r"\.pcap(ng)?$", path.name)
)
#: Captures of which Wireshark itself does not give the segments to a dissector.
NOT_GIVEN = {
    "frames-are-raw-ip.pcap": "the link type in the file is wrong",
    "link-type-169.pcap": "the link type in the file is wrong",
    "text-mode-crlf.pcap": "the file is damaged",
    "last-record-cut-years-apart.pcap": "the file is damaged",
    "utf16.pcapng": "the file is no capture",
    "port-reused-after-fin-no-syn.pcap": "the second connection is taken for a retransmission",
}


@pytest.fixture(scope="module")
def lua(tmp_path_factory):
    shark.needs_tshark()
    return shark.script(tmp_path_factory.mktemp("lua"))


@pytest.mark.parametrize(
    "capture", [p for p in CAPTURES if p.name not in NOT_GIVEN], ids=lambda path: path.name
)
def test_every_field_is_ours(lua, capture):
    assert shark.compared(lua, capture) == []


@pytest.mark.parametrize("name", ["mms/ffmpeg_tcp.pcap", "mms/vlc_udp.pcap", "winmx/secondary.pcap",
                                  "winmx/primary.pcap", "winmx/cache.pcap"])  # fmt: skip
def test_a_second_pass_shows_the_same(lua, name):
    # as the window of Wireshark does: packets are dissected again, in any order
    assert shark.compared(lua, ROOT / name, "-2") == []


def test_wireshark_alone_finds_less(lua):
    capture = ROOT / "mms" / "libmms_tcp.pcap"
    rows = [row for rows in shark.decoded(capture).values() for row in rows]
    data = sum(row["type"] == "data" for row in rows)
    found = shark.run(lua, capture, "-T", "fields", "-e", "mmsc.packet_size")
    assert len(re.findall(r"\d+", found)) == data > 90
    alone = shark.without_us(capture, "-T", "fields", "-e", "msmms.data.packet-length")
    assert len(re.findall(r"\d+", alone)) < data / 2


@pytest.mark.parametrize(
    ("capture", "filters", "frames"),
    [
        ("mms/ffmpeg_tcp.pcap", 'mmsc.subscriber_name contains "NSPlayer"', 1),
        ("mms/ffmpeg_tcp.pcap", "mmsc.mid == 0x00040006 && mmsc.hr == 0", 1),
        ("mms/ffmpeg_tcp.pcap", "mmsc.a_stream_entries.w_dst_stream_number == 2", 1),
        ("mms/libmms_notfound.pcap", "mmsc.hr != 0", 1),
        ("winmx/secondary.pcap", "winmx.nodes.ip == 192.0.2.215", 1),
        ("winmx/chat.pcap", 'winmx.name == "JoinRequest"', 1),
    ],
)
def test_filters_are_called_as_our_fields(lua, capture, filters, frames):
    found = shark.run(lua, ROOT / capture, "-Y", filters, "-T", "fields", "-e", "frame.number")
    assert len(found.split()) == frames


def test_damage_has_expert_infos(lua):
    found = shark.run(
        lua, ROOT / "winmx" / "secondary.pcap", "-Y", "_ws.expert.message", "-T", "fields",
        "-e", "winmx.name",
    )  # fmt: skip
    assert "NodeList" in found
