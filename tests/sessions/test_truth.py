"""Sessions of real clients: sequence, pairing and media against the server's log and its files."""

import shutil
import subprocess

import numpy as np
import pytest

import mmscodec
import mmscodec.asf
from mmscodec.schema import mms
from mmscodec.sessions import SIDES, STATES
from tests.capture import truth

MEDIA = truth.FOLDER / "media"
PLAYED = [
    ("ffmpeg_tcp.pcap", ["sample"]),
    ("ffmpeg_ipv6.pcapng", ["small1400"]),
    ("libmms_tcp.pcap", ["sample"]),
    ("libmms_sll.pcap", ["small1400"]),
    ("libmms_playlist.pcap", ["sample", "small1400"]),
    ("mplayer_ping.pcap", ["sample"]),
    ("vlc_udp.pcap", ["small1400"]),
]
CONNECT = [
    ("Connect", "ReportConnectedEX"),
    ("ConnectFunnel", "ReportConnectedFunnel"),
]
PLAY = [
    ("OpenFile", "ReportOpenFile"),
    ("ReadBlock", "ReportReadBlock"),
    ("StreamSwitch", "ReportStreamSwitch"),
    ("StartPlaying", "ReportStartedPlaying"),
]
FUNNEL = ("FunnelInfo", "ReportFunnelInfo")
END = ("", "ReportEndOfStream")
EXCHANGES = {
    "ffmpeg_tcp.pcap": [CONNECT[0], FUNNEL, CONNECT[1], *PLAY, END],
    "ffmpeg_ipv6.pcapng": [CONNECT[0], FUNNEL, CONNECT[1], *PLAY, END],
    "ffmpeg_auth.pcap": [
        CONNECT[0], FUNNEL, CONNECT[1], ("OpenFile", "SecurityChallenge"),
        ("SecurityChallenge", ""),
    ],
    "libmms_tcp.pcap": [*CONNECT, *PLAY, END],
    "libmms_sll.pcap": [*CONNECT, *PLAY, END],
    "libmms_seek.pcap": [*CONNECT, *PLAY, PLAY[-1], END],
    "libmms_notfound.pcap": [*CONNECT, PLAY[0]],
    "libmms_playlist.pcap": [
        *CONNECT, *PLAY, END, ("", "ReportStreamChange"), *PLAY[2:], END,
    ],
    "mplayer_ping.pcap": [*CONNECT, *PLAY, *[("Ping", "Pong")] * 4, END],
    "vlc_noudp.pcap": [CONNECT[0], ("ConnectFunnel", "ReportDisconnectedFunnel")],
    "vlc_udp.pcap": [*CONNECT, *PLAY, END],
}  # fmt: skip


def opened(name):
    return mmscodec.open(truth.FOLDER / name)


def short(mid):
    name = mms.message_name(int(mid)) if mid else ""
    return name.removeprefix("LinkViewerToMac").removeprefix("LinkMacToViewer")


@pytest.mark.parametrize("name", truth.NAMES)
def test_each_capture_is_one_session_captured_whole(name):
    cap = opened(name)
    assert len(cap.sessions) == 1
    row = cap.sessions[0]
    assert row["partial"] == 0, cap.session(0).partial_text
    assert row["faults"] == row["gaps"] == 0
    first = cap.flows[row["client_flow"]]
    assert first["dst_port"] == 1755
    assert row["start"] == cap.flows["first_time"][[row["client_flow"], row["server_flow"]]].min()


@pytest.mark.parametrize("name", truth.NAMES)
def test_messages_of_a_session_stand_in_the_order_of_the_log(name):
    cap = opened(name)
    raw = {row: (int(cap.packets["offset"][packet]), flow) for row, packet, flow in zip(
        range(len(cap.messages)), cap.messages["packet"].tolist(), cap.messages["flow"].tolist()
    )}  # fmt: skip
    client, server, _ = truth.log(name)
    sent = {True: iter(client), False: iter(server)}
    for message in cap.session(0).ends.messages:
        offset, flow = raw[message.row]
        wanted = next(sent[message.client])
        assert bytes(cap.read(flow, offset, len(wanted))) == wanted
    assert next(sent[True], None) is None
    assert next(sent[False], None) is None


@pytest.mark.parametrize("name", truth.NAMES)
def test_requests_are_paired_with_their_responses(name):
    exchanges = opened(name).exchanges
    found = [(short(row["request_mid"]), short(row["response_mid"])) for row in exchanges]
    assert found == EXCHANGES[name]
    answered = exchanges[(exchanges["request"] >= 0) & (exchanges["response"] >= 0)]
    assert np.all(answered["latency"] > 0)
    assert np.all(exchanges["latency"][exchanges["response"] < 0] == -1)


@pytest.mark.parametrize(("name", "files"), PLAYED)
def test_media_are_what_was_served_byte_for_byte(name, files, tmp_path):
    cap = opened(name)
    made = cap.write_asf(0, tmp_path / "out.asf")
    assert [item.entry for item in made] == list(range(len(files)))
    for item, file in zip(made, files):
        served = (MEDIA / f"{file}.asf").read_bytes()
        written = item.path.read_bytes()
        assert len(written) == item.size
        assert served.startswith(written)  # what follows is the index, which is not sent
        assert item.complete
        assert item.packets == item.header.packet_count
        left_out_or_made_up = (item.missing, item.duplicates, item.padded, item.changed)
        assert not any(left_out_or_made_up)
        assert not item.problems


def test_a_seek_leaves_out_what_the_client_did_not_ask_for(tmp_path):
    cap = opened("libmms_seek.pcap")
    row = cap.sessions[0]
    assert (row["seeks"], row["pauses"], row["media_packets"]) == (1, 0, 38)
    (made,) = cap.write_asf(0, tmp_path / "out.asf")
    served = (MEDIA / "sample.asf").read_bytes()
    written = made.path.read_bytes()
    head = 957
    assert made.missing == [(7, 55)]
    assert not made.complete
    assert (
        written[head:] == served[head : head + 7 * 3200] + served[head + 62 * 3200 :][: 31 * 3200]
    )
    assert mmscodec.asf.describe(written).packet_count == 38


def test_starts_of_playback_may_be_kept_apart(tmp_path):
    cap = opened("libmms_seek.pcap")
    made = cap.write_asf(0, tmp_path / "out.asf", segments="split")
    served = (MEDIA / "sample.asf").read_bytes()
    assert [(item.segment, item.packets) for item in made] == [(0, 7), (1, 31)]
    assert made[1].path.name == "out-2.asf"
    assert made[1].path.read_bytes()[957:] == served[957 + 62 * 3200 :][: 31 * 3200]


def test_a_refusal_is_named():
    assert (
        opened("libmms_notfound.pcap")
        .session(0)
        .end_text.startswith("refused by the server: ERROR_FILE_NOT_FOUND (0x80070002)")
    )
    row = opened("vlc_noudp.pcap").sessions[0]
    assert row["end_hr"] == 0x80070057
    auth = opened("ffmpeg_auth.pcap")
    assert auth.session(0).auth == "BASIC, credentials never sent"
    assert auth.sessions["unanswered"][0] == 1


def test_a_udp_session_knows_its_data_flow():
    cap = opened("vlc_udp.pcap")
    row = cap.sessions[0]
    assert row["transport"] == "udp"
    assert cap.flows[row["data_flow"]]["dst_port"] == 7000
    assert (row["lost"], row["reordered"], row["duplicates"]) == (0, 0, 0)
    assert cap.session(0).url == "mmsu://127.0.0.1/small1400.asf"


def test_pings_are_measured():
    row = opened("mplayer_ping.pcap").sessions[0]
    assert (row["pings"], row["unanswered_pings"]) == (4, 0)
    assert 0 < row["ping_min"] <= row["ping_mean"] <= row["ping_max"] < 1_000_000


def test_states_go_from_init_over_ready_to_streaming_and_back():
    cap = opened("libmms_tcp.pcap")
    seen = {side: ["-"] for side in SIDES.values()}
    for row in cap.transitions:
        assert STATES[row["before"]] == seen[SIDES[row["side"]]][-1]
        seen[SIDES[row["side"]]].append(STATES[row["after"]])
    path = ["-", "INIT", "READY", "STREAMING", "READY", "CLOSED"]
    assert seen == {"client": path, "server": path}
    assert np.all(np.diff(cap.transitions["time"][cap.transitions["side"] == 0]) >= 0)


@pytest.mark.parametrize(("name", "files"), PLAYED)
def test_start_up_and_rates_are_those_of_the_capture(name, files):
    cap = opened(name)
    row = cap.sessions[0]
    media = cap.data[cap.data["kind"] == 0]
    connect = cap["LinkViewerToMacConnect"]["time"][0]
    assert row["start_up"] == media["time"][0] - connect
    assert row["first_data"] == media["time"][0] - cap["LinkViewerToMacStartPlaying"]["time"][0]
    assert row["media_packets"] == len(media)
    rates = cap.session_rates(0, seconds=0.25)
    assert rates["packets"].sum() == len(media)
    assert rates["bytes"].sum() == row["media_bytes"]
    assert rates["announced"][0] == row["bit_rate"]


@pytest.mark.parametrize(("name", "files"), PLAYED)
def test_data_packets_have_the_time_at_which_the_server_sent_them(name, files):
    sent = np.array(truth.data_times(name))
    late = opened(name).data["time"] / 1e9 - sent
    assert late.max() < 0.001  # the server writes its log when it has sent
    assert late.min() > -0.05


def errors_of(path):
    done = subprocess.run(
        ["ffprobe", "-v", "warning", "-count_packets", "-show_streams", str(path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    counts = [line for line in done.stdout.splitlines() if line.startswith("nb_read_packets")]
    lines = [line.split("]", 1)[-1] for line in done.stderr.splitlines()]
    return done.returncode, counts, lines


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="ffprobe is not installed")
@pytest.mark.parametrize(("name", "files"), [*PLAYED, ("libmms_seek.pcap", ["sample"])])
@pytest.mark.parametrize("missing", ["leave", "fill"])
def test_ffprobe_finds_no_error_that_the_served_file_does_not_have(name, files, missing, tmp_path):
    made = opened(name).write_asf(0, tmp_path / "out.asf", missing=missing)
    for item, file in zip(made, files):
        status, packets, lines = errors_of(item.path)
        served_status, served_packets, served_lines = errors_of(MEDIA / f"{file}.asf")
        assert status == served_status == 0
        assert set(lines) <= set(served_lines)
        if item.complete:
            assert packets == served_packets
