"""What an engineer with "it stutters" or "it does not start" looks for."""

from itertools import pairwise

import numpy as np
import pytest

import mmscodec
from mmscodec.sessions.buffer import buffer_of
from mmscodec.sessions.stalls import stalls_of
from tests.asf import make
from tests.capture import build, frames
from tests.sessions.kinds import KINDS, ask_start, begun, confirm, done, end_of_stream
from tests.sessions.play import START, Play, capture

SECOND, MS = 10**9, 10**6
ASF = make.asf(count=100)  # a packet each 100 ms, preroll 3 s


# ---- gaps


@pytest.mark.parametrize("seed", range(20))
def test_gaps_are_those_of_a_plain_loop(seed):
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.choice([1, 50, 900, 1500, 4000], 60)) * MS
    breaks = np.sort(rng.choice(times, 3)) + MS // 2
    gaps = [int(b - a) for a, b in pairwise(times) if not any(a < at <= b for at in breaks)]
    found = stalls_of(rng.permutation(times), breaks)
    long = [gap for gap in gaps if gap > SECOND]
    assert (found.longest, found.count, found.total) == (max(gaps), len(long), sum(long))
    assert found.playing == sum(gaps) - sum(long)


def paced(gap_after=None, gap=0, step=100, pause=False):
    """A session whose packets come a `step` of ms apart, but for one gap."""
    play = begun(ASF)
    ask_start(play, 10)
    confirm(play, 10)
    at = play.clock
    for i in range(100):
        if i == gap_after:
            if pause:
                play.at_ms(at)
                play.say("LinkViewerToMacStopPlaying", open_file_id=5, play_incarnation=10)
                end_of_stream(play)
            at += gap
            if pause:
                play.at_ms(at - 2)
                ask_start(play, 11)
                confirm(play, 11)
        play.at_ms(at).data(i, ASF.packets[i], 11 if pause and i >= gap_after else 10, i)
        at += step
    return done(end_of_stream(play, 11 if pause else 10))


def test_a_stall_is_counted_and_a_pause_is_not(tmp_path):
    row = capture(tmp_path, paced(50, 2500)).sessions[0]
    assert (row["longest_gap"], row["stalls"], row["stalled"]) == (2600 * MS, 1, 2600 * MS)
    bits = 8 * 100 * 400
    short = sum(len(packet) for packet in ASF.packets) * 8
    assert bits == short
    assert row["playing_bit_rate"] == pytest.approx(bits / 9.8)
    assert row["received_bit_rate"] == pytest.approx(bits / 12.4)
    row = capture(tmp_path, paced(50, 2500, pause=True)).sessions[0]
    assert (row["stalls"], row["pauses"]) == (0, 1)
    assert row["longest_gap"] == 100 * MS


def test_steps_without_a_packet_have_a_row_of_zero(tmp_path):
    cap = capture(tmp_path, paced(50, 2500))
    rates = cap.session_rates(0, 1.0)
    assert np.array_equal(np.diff(rates["time"]), np.full(len(rates) - 1, SECOND))
    assert (rates["packets"] == 0).sum() == 2
    assert rates["packets"].sum() == 100


def test_a_source_that_falls_silent_has_rows_of_zero_up_to_the_end(tmp_path):
    play = begun(ASF)
    ask_start(play, 10)
    confirm(play, 10)
    for i in range(10):
        play.data(i, ASF.packets[i], 10, i)
    play.clock += 7000
    cap = capture(tmp_path, play.close())
    rates = cap.session_rates(0, 1.0)
    assert rates["packets"].tolist() == [10, 0, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("name", ["nothing came", "nothing came udp"])
def test_a_playback_of_which_nothing_came_has_rows_of_zero(tmp_path, name):
    cap = capture(tmp_path, *KINDS[name]().plays)
    row, rates = cap.sessions[0], cap.session_rates(0, 0.01)
    assert len(rates) > 1
    assert rates["packets"].sum() == rates["bit_rate"].sum() == 0
    assert row["start"] <= rates["time"][0]
    assert 0 <= row["end"] - rates["time"][-1] < 10 * MS


def test_nothing_is_said_of_rates_where_the_capture_would_not_show_them(tmp_path):
    plays = KINDS["nothing came udp"]().plays
    cap = capture(tmp_path, *plays, keep=lambda _, frame: frame[1] != "udp")
    assert len(cap.session_rates(0, 0.01)) == 0


@pytest.mark.parametrize("name", [name for name in KINDS if "playlist" in name])
def test_rows_go_on_from_one_entry_to_the_next(tmp_path, name):
    cap = capture(tmp_path, *KINDS[name]().plays)
    step = 5 * MS
    rates = cap.session_rates(0, step / SECOND)
    entries = [rates[rates["entry"] == number] for number in np.unique(rates["entry"])]
    assert len(entries) > 1
    assert rates["packets"].sum() == cap.sessions["media_packets"][0]
    for one, following in pairwise(entries):
        assert (np.diff(one["time"]) == step).all()
        assert 0 < following["time"][0] - one["time"][-1] <= step


VIDEO = bytes.fromhex("c0ef19bc4d5bcf11a8fd00805f5c442b")


def video_stream(number):
    form = bytes(8) + b"\x02" + (40).to_bytes(2, "little") + (40).to_bytes(4, "little") + bytes(36)
    sizes = np.array([0, 0, len(form), 0], "<u4").tobytes()  # time offset, sizes
    return make.obj(
        make.STREAM,
        VIDEO + bytes(16) + sizes + bytes([number, 0]) + bytes(4) + form,
    )


@pytest.mark.parametrize("key", [0, 7, None])
def test_the_first_key_frame_is_found(tmp_path, key):
    asf = make.Asf(make.header(20, 400, extra=video_stream(2)), make.asf(count=20).packets, 400)
    play = begun(asf)
    ask_start(play, 10)
    confirm(play, 10)
    at = play.clock
    for i, packet in enumerate(asf.packets):
        changed = bytearray(packet)
        changed[13] = 0x82 if i == key else 2  # stream number, and whether it is a key frame
        play.at_ms(at + 100 * i).data(i, bytes(changed), 10, i)
    row = capture(tmp_path, done(end_of_stream(play))).sessions[0]
    assert row["first_key_frame"] == (-1 if key is None else 100 * key * MS)


# ---- the player's buffer


def model(send, arrival, preroll, ended):
    """A player packet by packet: (reached, lowest, underruns, late, dry)."""
    begin = next((a for s, a in zip(np.maximum.accumulate(send), arrival)
                  if s - send[0] >= preroll), None)  # fmt: skip
    if begin is None:
        return (int(arrival[-1] - arrival[0]) if ended else -1, -1, 0, 0, 0)
    at = next(i for i, a in enumerate(np.maximum.accumulate(send) - send[0]) if a >= preroll)
    begin, waited, lowest, underruns, late, empty = arrival[at], 0, None, 0, 0, False
    for s, a in list(zip(send, arrival))[at + 1 :]:
        needed = begin + waited + s - send[0]
        left = needed - a
        late += a > begin + s - send[0]
        if left < 0:
            waited -= left
            underruns += not empty
        empty = left < 0
        lowest = left if lowest is None else min(lowest, left)
    if lowest is None:
        lowest = np.maximum.accumulate(send)[at] - send[0]
    return int(begin - arrival[0]), max(int(lowest), 0), underruns, late, int(waited)


@pytest.mark.parametrize("seed", range(40))
def test_the_buffer_is_that_of_a_player_packet_by_packet(seed):
    rng = np.random.default_rng(seed)
    send = np.arange(80) * 100 * MS
    pace = rng.choice([20, 80, 100, 130])
    late = rng.choice([0, 0, 0, 50, 2000], 80)
    arrival = np.maximum.accumulate(np.arange(80) * pace + late) * MS + START
    preroll = int(rng.choice([300, 3000, 20_000])) * MS
    found = buffer_of(send, arrival, preroll, bool(seed % 2))
    want = model(send, arrival, preroll, bool(seed % 2))
    assert (found.reached, found.lowest, found.underruns, found.late, found.dry) == want


def test_the_buffer_of_a_session(tmp_path):
    row = capture(tmp_path, paced()).sessions[0]
    assert (row["preroll"], row["preroll_reached"]) == (3 * SECOND, 3 * SECOND)
    assert (row["underruns"], row["late_packets"], row["lowest_buffer"]) == (0, 0, 3 * SECOND)
    row = capture(tmp_path, paced(50, 4000)).sessions[0]
    assert (row["underruns"], row["dry"], row["late_packets"]) == (1, SECOND, 50)
    assert row["lowest_buffer"] == 0
    row = capture(tmp_path, paced(step=200)).sessions[0]  # half as fast as it is played
    assert row["preroll_reached"] == 6 * SECOND
    assert row["underruns"] == 1
    assert row["dry"] == pytest.approx(4 * SECOND, abs=SECOND)


def test_a_preroll_that_is_never_reached_is_said(tmp_path):
    play = begun(ASF)
    ask_start(play, 10)
    confirm(play, 10)
    for i in range(20):
        play.data(i, ASF.packets[i], 10, i)
    row = capture(tmp_path, play.close()).sessions[0]
    assert (row["preroll"], row["preroll_reached"]) == (3 * SECOND, -1)


# ---- the network


def frame(play, who, payload=b"", *, flags=16, seq=None, ack=None, window=8760):
    """A TCP segment by hand, in order unless `seq` says otherwise."""
    src, dst = (play.ends["c"], play.ends["s"])[:: 1 if who == "c" else -1]
    other = "s" if who == "c" else "c"
    segment = frames.tcp(
        payload, src_port=src[1], dst_port=dst[1], seq=play.next[who] if seq is None else seq,
        ack=play.next[other] if ack is None else ack, flags=flags, window=window,
    )  # fmt: skip
    return frames.ethernet(frames.ipv4(segment, src=src[0], dst=dst[0]))


def test_round_trips_and_windows_of_0_are_those_of_the_capture(tmp_path):
    play = begun(ASF)
    ask_start(play, 10)
    confirm(play, 10)
    at, trips = play.clock, [7, 30, 12]
    for i, trip in enumerate(trips):
        play.at_ms(at).data(i, ASF.packets[i], 10, i)
        play.at_ms(at + trip)
        play.frames.append((play.clock, "c", "ack", frame(play, "c", window=0 if i else 1000)))
        at += 100
    play.at_ms(at)
    row = capture(tmp_path, done(play)).sessions[0]
    assert row["zero_windows"] == 2
    assert (row["rtt_min"], row["rtt_max"]) == (7 * MS, 30 * MS)
    assert row["rtt_mean"] == sum(trips) * MS // 3
    assert row["handshake"] == -1  # the SYN-ACK is acknowledged with the first request


def test_the_handshake_is_measured(tmp_path):
    play = Play().open()
    play.at_ms(50)
    play.frames.append((50, "c", "ack", frame(play, "c")))
    play.at_ms(60).connect()
    assert capture(tmp_path, play).sessions["handshake"][0] == 50 * MS


@pytest.mark.parametrize("lost_before_the_capture", [True, False])
def test_lost_segments_show_in_the_network_line(tmp_path, lost_before_the_capture):
    """Every 23rd segment is lost, and sent again three segments later."""
    play = begun(ASF)
    ask_start(play, 10)
    confirm(play, 10)
    for i in range(100):
        play.data(i, ASF.packets[i], 10, i)
    done(end_of_stream(play))
    out, again = [], []
    for number, (ms, _, kind, raw) in enumerate(play.frames):
        if again and number >= again[0][0]:
            out.append((START + ms * MS, again.pop(0)[1]))
        if kind == "data" and number % 23 == 22:
            again.append((number + 3, raw))
            if lost_before_the_capture:
                continue
        out.append((START + ms * MS, raw))
    path = tmp_path / "lossy.pcap"
    path.write_bytes(build.pcap(out))
    cap = mmscodec.open(path)
    row = cap.sessions[0]
    lost = sum(kind == "data" and n % 23 == 22 for n, (_, _, kind, _) in enumerate(play.frames))
    name = "out_of_order" if lost_before_the_capture else "retransmissions"
    other = "retransmissions" if lost_before_the_capture else "out_of_order"
    assert (row[name], row[other], row["gaps"], row["media_packets"]) == (lost, 0, 0, 100)
