"""The example client against the example server: all that no packaged player says or survives."""

import asyncio
import io

import pytest

from examples.asf_file import AsfFile
from examples.mms_auth import basic_credentials
from examples.mms_client import Refused, Wishes, play
from examples.mms_link import Log
from tests.peer.loopback import LIMIT, MEDIA, Serving, flat

ASF = AsfFile(MEDIA / "small1400.asf")


def played(url: str, **wishes):
    """The client after it has played `url`."""
    return asyncio.run(asyncio.wait_for(play(url, Wishes(**wishes), Log(io.StringIO())), LIMIT))


def numbers(client, entry: int = 0) -> list[int]:
    """Numbers of the ASF packets that arrived, in the order in which they came."""
    return list(client.receiver.entries[entry].packets)


def values(server, name: str, field: str) -> list:
    """A field of all messages of a name, from the server's log."""
    from mmscodec import mms

    packets = b"".join(bytes.fromhex(line["hex"]) for line in server.sent("tcpmsg"))
    return list(mms.decode(packets).column(name, field))


@pytest.mark.parametrize("scheme", ["mmst", "mmsu"])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_what_is_played_is_what_was_served(scheme, host):
    with Serving(host, fragment=300) as server:
        client = played(server.url(scheme=scheme))
    assert client.receiver.entry.flat() == flat()
    assert {line["via"] for line in server.sent()} == {"tcp" if scheme == "mmst" else "udp"}


def test_udp_refused_falls_back_to_tcp():
    with Serving(udp=False) as server:
        client = played(server.url(scheme="mms"))
    assert client.receiver.entry.flat() == flat()
    assert 0x00040003 in server.mids


def test_losses_over_udp_are_asked_for_and_sent_again():
    with Serving(lose=10, rate=1000) as server:
        client = played(server.url(scheme="mmsu"))
    lost = [line["loc"] for line in server.sent("lost")]
    assert lost == [9, 19, 29, 39, 49, 59, 69, 79, 89, 99]
    assert client.receiver.entry.flat() == flat()
    recovered = client.receiver.recovered
    assert recovered >= 10  # more if the machine was too busy to receive
    logged = values(server, "LinkViewerToMacLogging", "log.dw_packets_recovered_resent")
    assert logged == [recovered]


@pytest.mark.parametrize("scheme", ["mmst", "mmsu"])
def test_the_line_is_measured_before_playing(scheme):
    with Serving(packet_pair=True) as server:
        client = played(server.url(scheme=scheme), packet_pair=True)
    reports = values(server, "LinkMacToViewerReportFunnelInfo", "packet_pair_packet")
    if scheme == "mmst":
        assert [len(filler) for filler in reports] == [432, 432, 976]
    else:
        assert reports == [None]
        assert client.receiver.pairs == 2
    assert client.receiver.entry.flat() == flat()


def test_a_seek_stops_the_stream_and_goes_on_elsewhere():
    with Serving(rate=100) as server:
        client = played(server.url(), stop_after=10, seek=5.0)
    first = ASF.packet_at(5.0)
    assert numbers(client)[:10] == list(range(10))
    assert numbers(client)[-(108 - first) :] == list(range(first, 108))
    assert values(server, "LinkMacToViewerReportEndOfStream", "play_incarnation") == [11, 12]


def test_a_packet_number_says_where_to_start_and_a_time_where_to_stop():
    with Serving() as server:
        client = played(server.url(), location=40, until=4.0)
    assert numbers(client) == list(range(40, ASF.packet_at(4.0) + 1))


@pytest.mark.parametrize(
    ("rate", "start", "expected"), [(4.0, None, range(0, 108, 4)), (-5.0, 100, range(100, -1, -5))]
)
def test_striding_sends_every_nth_packet_forwards_or_backwards(rate, start, expected):
    with Serving() as server:
        client = played(server.url(), stride=rate, location=start)
    assert numbers(client) == list(expected)
    assert values(server, "LinkViewerToMacStartStriding", "rate") == [rate]


def test_a_header_that_does_not_come_is_cancelled_and_asked_for_again():
    with Serving(fragment=300, hold_headers=2) as server:
        client = played(server.url(scheme="mmsu"), patience=0.5)
    assert client.receiver.entry.flat() == flat()
    assert values(server, "LinkViewerToMacCancelReadBlock", "play_incarnation") == [2, 3]
    assert values(server, "LinkViewerToMacReadBlock", "play_incarnation") == [2, 3, 4]


@pytest.mark.parametrize(("scheme", "wait"), [("mmst", 0), ("mmst", 1), ("mmsu", 0)])
def test_a_playlist_gives_a_file_for_each_entry(scheme, wait):
    playlists = {"list": ["small1400.asf", "sample.asf", "small1400.asf"]}
    with Serving(fragment=300, playlists=playlists, rate=400, push_wait=wait) as server:
        client = played(server.url("list", scheme))
    flats = [entry.flat() for entry in client.receiver.entries]
    assert flats == [flat(), flat("sample.asf"), flat()]
    assert values(server, "LinkMacToViewerReportEndOfStream", "hr") == [1, 1, 0]
    pushed = [line for line in server.sent() if line["inc"] == 0xFF]
    assert bool(pushed) == (scheme == "mmst")
    if wait:  # the client has chosen streams before the media came
        assert len(pushed) == 4 + 3
    media = [line["af"] for line in server.sent() if line["inc"] > 8][: 108 + 93 + 108]
    assert len(set(media)) > 200  # one running number for the whole session


def test_a_redirect_is_followed_to_another_server():
    with Serving() as other, Serving(redirects={"old.asf": other.url()}) as server:
        client = played(server.url("old.asf"))
    assert client.url == other.url()
    assert client.receiver.entry.flat() == flat()


@pytest.mark.parametrize("up_front", [False, True])
def test_basic_credentials_open_the_file(up_front):
    with Serving(scheme="BASIC") as server:
        client = played(server.url(), user="user", password="secret", up_front=up_front)
    assert client.receiver.entry.flat() == flat()
    name = "LinkViewerToMacOpenFile" if up_front else "LinkViewerToMacSecurityResponse"
    field = "token_data" if up_front else "p_token"
    assert values(server, name, field) == [basic_credentials("user", "secret")]


@pytest.mark.parametrize("ntlm_auth", [False, True])
def test_ntlm_takes_three_legs_plain_or_in_a_structure(ntlm_auth):
    with Serving(scheme="NTLM") as server:
        client = played(server.url(), user="user", password="secret", ntlm_auth=ntlm_auth)
    assert client.receiver.entry.flat() == flat()
    challenges = values(server, "LinkMacToViewerSecurityChallenge", "p_token")
    assert len(challenges) == 2
    assert challenges[0] == b"\0\0"
    assert challenges[1][2:].startswith(b"NTLMSSP\0") != ntlm_auth


def test_wrong_credentials_are_refused_after_the_third_time():
    with Serving(scheme="BASIC") as server, pytest.raises(Refused) as refused:
        played(server.url(), user="user", password="wrong")
    assert refused.value.hr == 0x80070005
    assert server.mids.count(0x0003001A) == 3


@pytest.mark.parametrize("name", ["nosuch.asf", "../README.md", ""])
def test_a_file_that_is_not_there_is_an_error(name):
    with Serving() as server, pytest.raises(Refused) as refused:
        played(server.url(name))
    assert refused.value.hr == 0xC00D001A


def test_padding_cut_off_as_windows_servers_do_leaves_the_media_as_it_was():
    with Serving(strip=True) as server:
        client = played(server.url("sample.asf"))
    sizes = [line["size"] for line in server.sent() if line["af"] != 0x0C]
    assert min(sizes) < 3208
    assert len(client.receiver.entry.flat()) == len(flat("sample.asf"))


def test_pings_are_answered():
    with Serving(ping_every=10) as server:
        played(server.url())
    assert server.mids.count(0x0004001B) == server.mids.count(0x0003001B) == 10


def test_the_log_of_the_client_says_what_it_received():
    with Serving() as server:
        played(server.url())
    assert values(server, "LinkViewerToMacLogging", "log.info.dw_packets_received") == [108]
    assert values(server, "LinkViewerToMacLogging", "log.info.qw_bytes_received") == [len(flat())]
    assert values(server, "LinkViewerToMacLogging", "log.sz_transport") == ["TCP"]
