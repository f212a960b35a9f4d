"""Strings and lists of which a message says more than it holds."""

import itertools

import numpy as np
import pytest

from mmscodec import mms
from tests.mms.streams import PING
from tests.trust.known_bugs import wire

CONNECTED = "LinkMacToViewerReportConnectedEX"
COUNTS = 32 + 48  # where its four counts stand
TEXTS = ("ServerVersionInfo", "VersionInfo", "VersionUrl", "AuthenPackage")
WRAPPING = [3, 0x7FFFFFFF, 0x80000000, 0x80000001, 0xFFFFFFFE, 0xFFFFFFFF]


def connected(*counts):
    """The message with these counts, whatever its strings are."""
    packet = bytearray(
        mms.encode(
            CONNECTED, server_version_info="9.1", version_info="v", version_url="http://x",
            authen_package="NTLM",
        )
    )  # fmt: skip
    for place, count in enumerate(counts):
        if count is not None:
            packet[COUNTS + 4 * place : COUNTS + 4 * place + 4] = count.to_bytes(4, "little")
    return bytes(packet)


def lies_inside(batch, size):
    for name in TEXTS:
        where = batch.extents(CONNECTED, name)[0]
        assert where["length"] >= 0
        assert where["offset"] + where["length"] <= size


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("claimed", WRAPPING)
def test_cve_2013_2478_a_count_that_wraps_when_doubled(place, claimed):
    packet = connected(*[claimed if i == place else None for i in range(4)])
    batch = wire.looked_through(packet + PING)
    lies_inside(batch, len(packet))
    assert len(batch.packets) == 2
    assert "COUNT" in " ".join(batch.findings.text()).upper()


@pytest.mark.parametrize(
    "counts",
    [(0x40000000,) * 4, (0x80000000,) * 2 + (1, 1), (0x7FFFFFFF, 3, 0xFFFFFFFF, 0), (2**31,) * 4],
)
def test_cve_2013_2478_counts_whose_sum_wraps(counts):
    packet = connected(*counts)
    batch = wire.looked_through(packet + PING)
    lies_inside(batch, len(packet))
    assert len(batch.packets) == 2


@pytest.mark.parametrize("text", ["a\0b", "\0", "\0\0x", "no end"])
def test_cve_2013_2478_nuls_inside_and_none_at_the_end(text):
    raw = text.encode("utf-16-le")
    for count in {len(text), len(text) + 1}:
        packet = mms.encode(CONNECTED, version_url=raw, cb_version_url=count)
        batch = wire.looked_through(packet + PING)
        assert len(batch.packets) == 2
        # a counted string is what the count says, but for the NUL at its end
        assert batch.column(CONNECTED, "version_url")[0] == text.removesuffix("\0")


@pytest.mark.parametrize("claimed", WRAPPING)
def test_cve_2024_46461_no_string_reaches_behind_its_message(claimed):
    # bytes behind the packet are there, and are another packet's: none of them is in a string
    behind = mms.encode("LinkMacToViewerReportRedirect", wsz_location="SECRET" * 20)
    for place in range(4):
        packet = connected(*[claimed if i == place else None for i in range(4)])
        batch = wire.looked_through(packet + behind)
        for name in TEXTS:
            assert "SECRET" not in (batch.column(CONNECTED, name)[0] or "")
        assert "SECRET" in batch.column("LinkMacToViewerReportRedirect", "wsz_location")[0]


@pytest.mark.parametrize("count", [0, 1, 20, 23, 24, 127, 128, 65_535])
def test_cve_2005_1195_any_number_of_streams(count):
    name = "LinkViewerToMacStreamSwitch"
    entries = np.zeros(count, [("src", "<u2"), ("dst", "<u2"), ("level", "<u2")])
    entries["dst"] = np.arange(count)
    packet = mms.encode(name, a_stream_entries=entries.tolist())
    got = mms.decode(packet).column(name, "a_stream_entries")[0]
    assert got["w_dst_stream_number"].tolist() == list(range(count))


@pytest.mark.parametrize("claimed", [2, 127, 65_536, 0x2AAAAAAB, 0x7FFFFFFF, 0xFFFFFFFF])
def test_cve_2005_1195_more_streams_than_the_message_holds(claimed):
    name = "LinkViewerToMacStreamSwitch"
    packet = bytearray(mms.encode(name, a_stream_entries=[(1, 2, 0)]))
    packet[40:44] = claimed.to_bytes(4, "little")
    batch = wire.looked_through(bytes(packet) + PING)
    assert len(batch.column(name, "a_stream_entries")[0]) <= 2
    assert len(batch.packets) == 2


@pytest.mark.parametrize(
    "raw",
    [b"", b"A\0", b"A\0" * 2**16, b"A\0" * 2**20, b"odd", b"\x00\xd8" * 9, b"\x00\xdc\x00\xd8",
     "\\\\1\\TCP\\".encode("utf-16-le") + b"9\0" * 300, "\\\\".encode("utf-16-le"),
     "\\\\\\TCP\\1".encode("utf-16-le"), "\\\\h\\\\".encode("utf-16-le")],
    ids=lambda raw: f"{len(raw)} {raw[:6].hex()}",
)  # fmt: skip
def test_cve_2010_0478_funnel_names_of_any_shape(raw):
    name = "LinkViewerToMacConnectFunnel"
    body = wire.message(0x00030002, bytes(20) + raw)
    batch = mms.decode(wire.exactly(wire.packet(body) + PING), max_packet=16 << 20)
    assert len(batch.packets) == 2
    units = (raw + bytes(-(28 + len(raw)) % 8))[: (len(body) - 28) & ~1]
    wanted = units.decode("utf-16-le", "surrogatepass").split("\0", 1)[0]
    assert batch.column(name, "funnel_name")[0] == wanted


@pytest.mark.parametrize("units", [*range(10), 255, 256, 32767, 32768, 65535, 65536, 70000])
def test_cve_2006_2200_the_encoder_measures_utf16_units(units):
    wire_bytes = mms.encode("LinkViewerToMacConnect", subscriber_name="h" * units)
    assert len(wire_bytes) == 32 + -(-(20 + 2 * units + 2) // 8) * 8
    assert not any(wire_bytes[52 + 2 * units :])
    # an output that is exactly as long as it must be, with bytes around it that stay
    around = bytearray(b"\xa5" * (len(wire_bytes) + 16))
    mms.encode(mms.decode(wire_bytes), out=memoryview(around)[8 : len(wire_bytes) + 8])
    assert around == b"\xa5" * 8 + wire_bytes + b"\xa5" * 8


def test_cve_2012_1775_a_host_path_and_guid_of_a_million_characters():
    for name, field, text in (
        ("LinkViewerToMacConnect", "subscriber_name", "NSPlayer/9.0; Host: " + "h" * 10**6),
        ("LinkViewerToMacConnect", "subscriber_name", "NSPlayer/9.0; {" + "3" * 10**6 + "}"),
        ("LinkViewerToMacOpenFile", "file_name", "p/" * 500_000),
    ):
        packet = mms.encode(name, **{field: text})
        assert mms.decode(packet).column(name, field)[0] == text


def test_cve_2005_1195_every_stream_number_in_any_place():
    name = "LinkViewerToMacStreamSwitch"
    for low, high in itertools.product((0, 23, 24, 127, 128, 0xFFFF), repeat=2):
        packet = mms.encode(name, a_stream_entries=[(low, high, 2)])
        (entry,) = mms.decode(packet).column(name, "a_stream_entries")[0].tolist()
        assert entry == (low, high, 2)
