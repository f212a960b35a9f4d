"""Real players, unmodified, play from the example server; what they write is what was served."""

import pytest

from tests.peer.loopback import Serving, ffmpeg, flat, libmms, mplayer, vlc

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


def test_vlc_over_udp_writes_what_was_served(tmp_path):
    with Serving(rate=1000) as server:
        vlc(server.url(scheme="mmsu"), tmp_path / "out.asf")
    assert (tmp_path / "out.asf").read_bytes() == flat()
    assert {line["via"] for line in server.sent()} == {"udp"}


@CHOICES
def test_mplayer_writes_what_was_served(tmp_path, options):
    with Serving(idle=1, **options) as server:  # it waits for the connection to close
        mplayer(server.url(), tmp_path / "out.asf")
    written = (tmp_path / "out.asf").read_bytes()
    assert flat().startswith(written)
    assert len(flat()) - len(written) < 2048  # MPlayer drops its last block unless it is full
