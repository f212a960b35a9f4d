"""The whole path on fresh traffic: players on loopback -> capture -> tables -> session -> file."""

import asyncio

import pytest

import mmscodec
from examples.mms_client import Wishes, play
from examples.mms_link import Log
from tests.capture import truth
from tests.peer.loopback import LIMIT, Serving, captured, ffmpeg, flat, libmms, mplayer, vlc


def own(**wishes):
    """The example client as a player."""

    def run(url, path):
        client = asyncio.run(asyncio.wait_for(play(url, Wishes(**wishes), Log()), LIMIT))
        path.write_bytes(client.receiver.entries[0].flat())

    return run


PLAYERS = {
    "ffmpeg": (lambda url, path: ffmpeg(url, path, len(flat())), "mmst", {}),
    "libmms": (libmms, "mmst", {"fragment": 300}),
    "mplayer": (mplayer, "mmst", {"ping_every": 20, "idle": 1.5}),
    "vlc": (vlc, "mmst", {}),
    "vlc-udp": (vlc, "mmsu", {"rate": 1000}),
    "own-ipv6": (own(), "mmst", {"host": "::1", "fragment": 300}),
    "own-udp": (own(packet_pair=True), "mmsu", {"packet_pair": True, "rate": 1000}),
    "own-losses": (own(), "mmsu", {"lose": 10, "rate": 1000}),
    "own-stripped": (own(), "mmst", {"strip": True}),
}


def rows_by_transport(rows):
    """Rows of a log or a capture; only within one transport is their order that of sending."""
    client, server, data = rows
    return client, server, *([row for row in data if row[4] == via] for via in ("tcp", "udp"))


@pytest.mark.parametrize("player", PLAYERS)
def test_what_a_player_was_sent_comes_back_out_of_the_capture(player, tmp_path):
    run, scheme, options = PLAYERS[player]
    with Serving(**options) as server, captured(tmp_path / "traffic.pcap", server.port) as pcap:
        run(server.url(scheme=scheme), tmp_path / "played.asf")
    with mmscodec.open(pcap) as cap:
        assert rows_by_transport(truth.found(cap)) == rows_by_transport(truth.rows_of(server.truth))
        assert len(cap.faults) == len(cap.gaps) == 0
        assert len(cap.sessions) == 1
        (made,) = cap.write_asf(0, tmp_path / "rebuilt.asf")
    assert made.path.read_bytes() == flat()
    assert made.complete
    if player not in ("mplayer", "vlc-udp"):  # the first drops its last block, UDP may lose some
        assert (tmp_path / "played.asf").stat().st_size == len(flat())


@pytest.mark.parametrize("scheme", ["mmst", "mmsu"])
def test_a_playlist_comes_back_as_a_file_for_each_entry(scheme, tmp_path):
    playlists = {"list": ["small1400.asf", "sample.asf", "small1400.asf"]}
    with (
        Serving(playlists=playlists, rate=400, fragment=300) as server,
        captured(tmp_path / "traffic.pcap", server.port) as pcap,
    ):
        own()(server.url("list", scheme), tmp_path / "played.asf")
    with mmscodec.open(pcap) as cap:
        made = cap.write_asf(0, tmp_path / "rebuilt.asf")
    flats = [item.path.read_bytes() for item in made]
    assert flats == [flat(), flat("sample.asf"), flat()]


def test_libmms_seeks_and_the_capture_knows_what_it_skipped(tmp_path):
    with (
        Serving(rate=500) as server,
        captured(tmp_path / "traffic.pcap", server.port) as pcap,
    ):
        libmms(server.url(), tmp_path / "played.asf", seek=5.0)
    with mmscodec.open(pcap) as cap:
        assert cap.sessions["seeks"].tolist() == [1]
        (made,) = cap.write_asf(0, tmp_path / "rebuilt.asf")
        ((first, count),) = made.missing
        rebuilt = made.path.read_bytes()
    packets = flat()[809:]
    kept = packets[: first * 1400] + packets[(first + count) * 1400 :]
    assert rebuilt[809:] == kept
