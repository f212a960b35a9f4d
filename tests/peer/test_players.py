"""Real players, unmodified, play from the example server; what they write is what was served."""

from itertools import pairwise

import pytest

from examples.asf_file import AsfFile, parse
from mmscodec import mms
from tests.peer.loopback import MEDIA, Serving, ffmpeg, flat, libmms, mplayer, needs, play, vlc
from tests.peer.record import cut

CHOICES = pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="plain"),
        pytest.param({"fragment": 300}, id="header-in-fragments"),
        pytest.param({"fragment": 300, "ping_every": 20}, id="ping"),
    ],
)


@CHOICES
def test_ffmpeg_writes_what_was_served(tmp_path, options):
    with Serving(**options) as server:
        ffmpeg(server.url(), tmp_path / "out.asf", len(flat()))
    assert (tmp_path / "out.asf").read_bytes() == flat()


@CHOICES
def test_libmms_writes_what_was_served(tmp_path, options):
    with Serving(**options) as server:
        libmms(server.url(), tmp_path / "out.asf")
    assert (tmp_path / "out.asf").read_bytes() == flat()


@CHOICES
def test_vlc_over_tcp_writes_what_was_served(tmp_path, options):
    with Serving(**options) as server:
        vlc(server.url(), tmp_path / "out.asf")
    assert (tmp_path / "out.asf").read_bytes() == flat()


@pytest.fixture
def short(tmp_path):
    """A folder with a file that fits into the socket buffer of a player that is slow to read."""
    (tmp_path / "short.asf").write_bytes(cut("small1400.asf", 80))
    return tmp_path


def test_vlc_over_udp_writes_what_was_served(tmp_path, short):
    with Serving(rate=500, folder=short) as server:
        vlc(server.url("short.asf", "mmsu"), tmp_path / "out.asf")
    assert (tmp_path / "out.asf").read_bytes() == (short / "short.asf").read_bytes()
    assert {line["via"] for line in server.sent()} == {"udp"}


@CHOICES
def test_mplayer_writes_what_was_served(tmp_path, options):
    with Serving(idle=1.5, **options) as server:  # it waits for the connection to close
        mplayer(server.url(), tmp_path / "out.asf")
    written = (tmp_path / "out.asf").read_bytes()
    assert flat().startswith(written)
    assert len(flat()) - len(written) < 2048  # MPlayer drops its last block unless it is full


def test_ffmpeg_demuxes_from_the_server_what_it_demuxes_from_the_file(tmp_path):
    """Packets, times and checksums of the streams, with FFmpeg's ordinary way of opening a URL."""
    (tmp_path / "served.asf").write_bytes(flat())
    with Serving(fragment=300) as server:
        from_server = frames_of(server.url())
    assert from_server == frames_of(str(tmp_path / "served.asf"))
    assert len(from_server) == 190


def test_libmms_seeks_to_the_packet_of_that_time(tmp_path):
    with Serving(rate=500) as server:
        libmms(server.url(), tmp_path / "out.asf", seek=1.0)
    packets = b"".join(bytes.fromhex(line["hex"]) for line in server.sent("tcpmsg"))
    position = mms.decode(packets)["LinkViewerToMacStartPlaying"]["position"][-1]
    locations = [line["loc"] for line in server.sent() if line["inc"] != 2]
    (jump,) = (b for a, b in pairwise(locations) if b != a + 1)
    assert jump == AsfFile(MEDIA / "small1400.asf").packet_at(position)
    written = (tmp_path / "out.asf").read_bytes()
    assert written.endswith(flat()[809 + jump * 1400 :])


def test_libmms_plays_a_playlist_to_its_end(tmp_path):
    with Serving(playlists={"list": ["sample.asf", "small1400.asf"]}, rate=300) as server:
        libmms(server.url("list"), tmp_path / "out.asf")
    written = (tmp_path / "out.asf").read_bytes()
    assert written.startswith(flat("sample.asf"))
    assert written.endswith(flat()[809:])
    assert 0x00040020 in server.mids


def test_vlc_leaves_out_what_was_lost_over_udp(tmp_path, short):
    with Serving(rate=500, folder=short, lose=10) as server:
        vlc(server.url("short.asf", "mmsu"), tmp_path / "out.asf")
    lost = {line["loc"] for line in server.sent("lost")}
    file = AsfFile(short / "short.asf")
    kept = [packet for number, packet in enumerate(file.packets) if number not in lost]
    assert len(lost) == 8
    assert (tmp_path / "out.asf").read_bytes() == file.header + b"".join(kept)


def test_ffmpeg_fills_up_packets_that_came_without_their_padding(tmp_path):
    with Serving(strip=True) as server:
        ffmpeg(server.url("sample.asf"), tmp_path / "out.asf", len(flat("sample.asf")))
    written, served = (tmp_path / "out.asf").read_bytes(), flat("sample.asf")
    assert len(written) == len(served)
    differing = [i for i, (a, b) in enumerate(zip(written, served)) if a != b]
    packets = AsfFile(MEDIA / "sample.asf").packets
    fields = {
        957 + number * 3200 + at + byte
        for number, packet in enumerate(packets)
        for at, width, _ in [parse(packet)]
        for byte in range(width)
    }
    assert differing  # Padding Length says 0, the zeros behind it are there again
    assert set(differing) <= fields


@pytest.mark.parametrize("player", [libmms, mplayer, vlc])
def test_a_missing_file_makes_no_player_write_media(player, tmp_path):
    with Serving(idle=1.5) as server:
        player(server.url("nosuch.asf"), tmp_path / "out.asf")
    path = tmp_path / "out.asf"
    assert not path.exists() or path.stat().st_size == 0
    assert 0x00040006 in server.mids


def frames_of(source: str) -> list[str]:
    """FFmpeg's framecrc of all streams: one line for each packet."""
    program = needs("ffmpeg", "ffmpeg")
    said = play([program, "-nostdin", "-v", "fatal", "-i", source, "-map", "0", "-c", "copy",
                 "-f", "framecrc", "-"], most=1 << 20)  # fmt: skip
    return [line for line in said.splitlines() if not line.startswith("#")]
