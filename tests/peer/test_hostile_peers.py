"""Clients that mean harm to the example server, servers that mean harm to the example client."""

import asyncio
import contextlib
import gc
import socket

import numpy as np
import pytest

from examples.asf_file import AsfFile, AsfHeader, shared
from examples.mms_client import Refused, Wishes, play
from examples.mms_viewer import Unplayable
from mmscodec import mms
from tests.asf import make
from tests.peer.loopback import LIMIT, Serving, flat

HELLO = mms.encode("LinkViewerToMacConnect", subscriber_name="NSPlayer/9.0.0.2980; Host: x")


def played(url, **wishes):
    return asyncio.run(asyncio.wait_for(play(url, Wishes(**wishes)), LIMIT))


@contextlib.contextmanager
def talking(server):
    """A connection by hand."""
    with socket.create_connection((server.host, server.port), timeout=LIMIT) as connection:
        yield connection


def answers(connection, *packets, until):
    """Send packets; all messages up to one whose name ends so."""
    connection.sendall(b"".join(packets))
    decoder, names = mms.Decoder(live=True), []
    while not any(name.endswith(until) for name in names):
        chunk = connection.recv(1 << 16)
        assert chunk, f"closed after {names}"
        batch = decoder.feed(chunk)
        names += [mms.message_name(mid) for mid in batch.messages["mid"].tolist()]
    return names


def funnel(port):
    name = f"\\\\127.0.0.1\\UDP\\{port}"
    return mms.encode("LinkViewerToMacConnectFunnel", funnel_name=name)


@pytest.mark.parametrize("port", [0, 65_536, 70_000, 99_999])
def test_a_udp_port_that_there_is_not_is_refused_and_disturbs_nobody(port):
    with Serving() as server:
        with talking(server) as connection:
            found = answers(connection, HELLO, funnel(port), until="edFunnel")
            assert found[-1] == "LinkMacToViewerReportDisconnectedFunnel"
        client = played(server.url(scheme="mmsu"))
        assert client.udp
    assert client.receiver.entry.flat() == flat()


def test_a_socket_of_all_survives_a_datagram_that_cannot_be_sent(tmp_path):
    large = make.asf(count=2, packet_size=65_520)
    (tmp_path / "large.asf").write_bytes(large.file)
    (tmp_path / "small.asf").write_bytes(make.asf(count=5).file)
    with Serving(folder=tmp_path) as server:
        with pytest.raises(Refused) as refused:
            played(server.url("large.asf", "mmsu"))
        assert refused.value.hr == 0x80070032
        assert played(server.url("large.asf", "mmst")).receiver.entry.flat() == large.file
        client = played(server.url("small.asf", "mmsu"))
    assert client.receiver.entry.flat() == make.asf(count=5).file


def test_packets_that_no_data_packet_holds_are_refused_over_tcp_too(tmp_path):
    (tmp_path / "huge.asf").write_bytes(make.asf(count=2, packet_size=65_528).file)
    with Serving(folder=tmp_path) as server, pytest.raises(Refused):
        played(server.url("huge.asf", "mmst"))


def test_ended_sessions_keep_nothing_and_running_ones_share_their_file(tmp_path):
    (tmp_path / "once.asf").write_bytes(make.asf(count=37).file)
    with Serving(rate=0, folder=tmp_path) as server:
        for _ in range(3):
            played(server.url("once.asf"))
        server.run(server.finished())
        assert server.server.sessions == {}
        first, second = (shared(tmp_path / "once.asf") for _ in range(2))
        assert first is second
    del first, second
    gc.collect()
    alive = [item for item in gc.get_objects() if isinstance(item, AsfFile)]
    assert [file for file in alive if len(file.packets) == 37] == []


def test_hundreds_of_sessions_cost_the_memory_of_one_file(tmp_path):
    """200 connections open a file of 2.4 MB, and what they keep is counted while they are open."""
    (tmp_path / "large.asf").write_bytes(make.asf(count=41, packet_size=58_000).file)
    opened = mms.encode("LinkViewerToMacOpenFile", file_name="large.asf", play_incarnation=1)
    with Serving(folder=tmp_path) as server, contextlib.ExitStack() as all_:
        for _ in range(200):
            connection = all_.enter_context(talking(server))
            said = answers(connection, HELLO, opened, until="ReportOpenFile")
            assert said[-1] == "LinkMacToViewerReportOpenFile"
        alive = [item for item in gc.get_objects() if isinstance(item, AsfFile)]
        assert len([file for file in alive if len(file.packets) == 41]) == 1
        assert len(server.server.sessions) == 200


def test_position_0_is_the_first_packet_however_many_are_sent_at_0(tmp_path):
    file = make.asf(count=30)
    packets = [make.packet(i, 400, bytes(100), send=max(i - 11, 0) * 100) for i in range(30)]
    (tmp_path / "burst.asf").write_bytes(file.header + b"".join(packets))
    with Serving(folder=tmp_path) as server:
        client = played(server.url("burst.asf"))
    assert sorted(client.receiver.entry.packets) == list(range(30))
    asf = AsfFile(tmp_path / "burst.asf")
    times = np.maximum(np.arange(30) - 11, 0) * 100
    for seconds in (-1.0, 0.0, 0.05, 0.1, 0.15, 1.8, 99.0):
        at = asf.packet_at(seconds)
        before = times[times <= max(seconds, 0) * 1000]
        assert times[at] == before[-1]
        assert at == np.flatnonzero(times == before[-1])[0]


@pytest.mark.parametrize("name", ["x" * 30_000, "x" * 300 + ".asf", "a\x01b", "音楽" * 9000, "?"])
def test_names_of_any_length_and_letters_are_answered(name):
    with Serving() as server:
        with pytest.raises(Refused) as refused:
            played(server.url("small1400.asf").replace("small1400.asf", name))
        assert refused.value.hr == 0xC00D001A
        assert played(server.url()).receiver.entry.flat() == flat()


@pytest.mark.parametrize("content", [b"", b"x" * 100, make.asf().header[:60], make.HEADER * 9])
def test_what_is_no_asf_file_is_not_found(tmp_path, content):
    (tmp_path / "no.asf").write_bytes(content)
    with Serving(folder=tmp_path) as server, pytest.raises(Refused) as refused:
        played(server.url("no.asf"))
    assert refused.value.hr == 0xC00D001A


def test_a_client_that_does_not_read_is_not_read_and_then_closed():
    ask = mms.encode("LinkViewerToMacFunnelInfo", play_incarnation=0xF0F0F0F1)
    with Serving(packet_pair=True, idle=1.0) as server, talking(server) as connection:
        connection.settimeout(LIMIT)
        connection.sendall(HELLO)
        sent = 0
        with contextlib.suppress(ConnectionError):  # the server closes it
            while sent < 64 << 20:
                sent += connection.send(ask * 1000)
        assert sent < 64 << 20
        server.run(server.finished())
        assert server.server.sessions == {}


def test_connections_that_are_reset_in_the_middle_of_anything_disturb_nobody():
    with Serving() as server:
        linger = b"\1\0\0\0\0\0\0\0"
        for size in (0, 10, 100, len(HELLO)):
            with talking(server) as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                connection.sendall(HELLO[:size])
        assert played(server.url()).receiver.entry.flat() == flat()


# ---- servers


@contextlib.contextmanager
def pretending(*says, close=False, forever=b""):
    """A server that answers anything by the next of these, then is silent, or repeats."""

    async def serve(reader, writer):
        with contextlib.suppress(OSError):
            for packet in says:
                await reader.read(1 << 16)
                writer.write(packet)
            await writer.drain()
            while forever:
                writer.write(forever * 1000)
                await writer.drain()
            if not close:
                await reader.read(-1)
        writer.close()

    yield lambda **wishes: asyncio.run(_against(serve, wishes))


async def _against(serve, wishes):
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    options = {"silence": 0.2, "patience": 0.05, **wishes}
    try:
        return await asyncio.wait_for(
            play(f"mmst://127.0.0.1:{port}/a.asf", Wishes(**options)), LIMIT
        )
    finally:
        server.close()


def say(name, **fields):
    return mms.encode(f"LinkMacToViewer{name}", **fields)


ASF = make.asf(count=5)
OPENED = [
    say("ReportConnectedEX"), say("ReportFunnelInfo", n_cubs=1), say("ReportConnectedFunnel"),
    say("ReportOpenFile", open_file_id=1, file_packet_size=400, file_packet_count=5,
        file_header_size=len(ASF.header)),
]  # fmt: skip
HEADER = mms.encode("Data", play_incarnation=2, af_flags=0x0C, payload=ASF.header)
PLAYING = [
    *OPENED, say("ReportReadBlock") + HEADER, say("ReportStreamSwitch"),
    say("ReportStartedPlaying"),
]  # fmt: skip


@pytest.mark.parametrize("count", range(len(PLAYING) + 1))
def test_a_server_that_falls_silent_at_any_step_is_given_up(count):
    with pretending(*PLAYING[:count]) as client, pytest.raises(OSError, match=r"silent|no ASF"):
        client()


@pytest.mark.parametrize("count", [0, 3, 7])
def test_a_server_that_closes_at_any_step_is_an_error(count):
    with pretending(*PLAYING[:count], close=True) as client, pytest.raises(ConnectionError):
        client()


@pytest.mark.parametrize(
    "forever",
    [
        say("Ping"),
        say("ReportEndOfStream", hr=1),
        say("SecurityChallenge", p_token=b"\0\0"),
        mms.encode("Data", play_incarnation=77, payload=bytes(100)),
    ],
    ids=["pings", "ends", "challenges", "foreign Data"],
)
def test_a_server_that_floods_is_given_up(forever):
    with pretending(*OPENED[:3], forever=forever) as client, pytest.raises(ConnectionError):
        client()


def test_a_stream_without_an_end_stops_at_the_bytes_that_were_wished_for():
    media = mms.encode("Data", location_id=7, play_incarnation=11, payload=bytes(400))
    done = say("ReportEndOfStream", play_incarnation=9)
    with pretending(*PLAYING, forever=media + done) as client:
        made = client(most=20_000)
    assert made.receiver.octets >= 20_000


def test_ends_of_other_starts_are_not_waited_for_for_ever():
    done = say("ReportEndOfStream", play_incarnation=9)
    with pretending(*PLAYING, forever=done) as client, pytest.raises(Unplayable, match="silent"):
        client()


def test_packets_of_4_gb_and_headers_that_lie_are_refused():
    opened = say("ReportOpenFile", open_file_id=1, file_packet_size=0xFFFFFFFF)
    with pretending(*OPENED[:3], opened) as client, pytest.raises(Unplayable, match="4294967295"):
        client()
    for size in (24, 60, 100, 150):
        AsfHeader(ASF.header[:size])
    assert AsfHeader(ASF.header).streams == [1]


@pytest.mark.parametrize("url", ["mms://h:70000/a", "mms:///a", f"mms://{'x' * 300}/a"])
def test_an_address_that_cannot_be_is_an_error(url):
    with pytest.raises(OSError, match=r"no address|no name|getaddrinfo|Name|name"):
        played(url)
