"""Files out of sessions: fragments, short packets, seeks, playlists, UDP (spec section 11)."""

import numpy as np

from mmscodec import asf as asf_module
from mmscodec.sessions.sequence import delivery, extend
from tests.asf import make
from tests.sessions.play import Play, capture, whole

ASF = make.asf(count=30)
SHORT = make.Asf(ASF.header, ASF.short, ASF.packet_size)


def written(cap, path, session=0, **options):
    return [(item, item.path.read_bytes()) for item in cap.write_asf(session, path, **options)]


def test_short_packets_get_their_padding_back(tmp_path):
    ((made, data),) = written(capture(tmp_path, whole(SHORT)), tmp_path / "out.asf")
    assert data == ASF.file
    assert (made.padded, made.unmended, made.complete) == (8, 0, True)


def test_header_fragments_are_joined_whatever_flags_they_have(tmp_path):
    for pieces in (1, 2, 3, 7):
        ((_, data),) = written(capture(tmp_path, whole(SHORT, pieces=pieces)), tmp_path / "o.asf")
        assert data == ASF.file


def test_a_seek_back_writes_each_packet_once(tmp_path):
    play = Play().open().connect().open_file(SHORT).read_header(SHORT)
    play.start(10).packets(SHORT, range(20), incarnation=10).stop(10)
    play.start(11, position=0.5).packets(SHORT, range(5, 30), incarnation=11, sequence=20)
    cap = capture(tmp_path, play.close_file().close())
    ((made, data),) = written(cap, tmp_path / "out.asf")
    assert data == ASF.file
    assert (made.duplicates, made.conflicts) == (15, 0)
    row = cap.sessions[0]
    assert (row["seeks"], row["pauses"]) == (1, 0)


def test_packets_that_a_seek_went_past_are_told_from_lost_ones(tmp_path):
    play = Play().open().connect(udp=7000).open_file(SHORT).read_header(SHORT, udp=7000)
    play.start(10).packets(SHORT, [0, 1, 2], udp=7000)
    play.packets(SHORT, [4, 5], sequence=4, udp=7000).stop(10)
    play.start(11, position=2.0).packets(SHORT, range(20, 30), incarnation=11, udp=7000)
    ((made, _),) = written(capture(tmp_path, play.close_file().close()), tmp_path / "out.asf")
    assert made.missing == [(3, 1), (6, 14)]
    assert (made.missing_packets, made.skipped) == (15, 14)
    play = Play().open().connect().open_file(SHORT).read_header(SHORT)
    play.start(10, position=1.0).packets(SHORT, range(10, 30))
    ((made, _),) = written(capture(tmp_path, play.close_file().close()), tmp_path / "out.asf")
    assert (made.missing, made.skipped) == ([(0, 10)], 10)


def test_a_pause_is_no_seek(tmp_path):
    play = Play().open().connect().open_file(SHORT).read_header(SHORT)
    play.start(10).packets(SHORT, range(20), incarnation=10).stop(10)
    play.start(11, position=2.0).packets(SHORT, range(20, 30), incarnation=11, sequence=20)
    row = capture(tmp_path, play.close_file().close()).sessions[0]
    assert (row["seeks"], row["pauses"], row["strides"]) == (0, 1, 0)


def test_strides_are_counted_and_kept_apart(tmp_path):
    play = Play().open().connect().open_file(SHORT).read_header(SHORT)
    play.start(10).packets(SHORT, range(5), incarnation=10).stop(10)
    play.say("LinkViewerToMacStartStriding", open_file_id=5, play_incarnation=11, rate=5.0)
    play.say("LinkMacToViewerReportStartStriding", play_incarnation=11)
    play.packets(SHORT, range(5, 30, 5), incarnation=11, sequence=5)
    cap = capture(tmp_path, play.close_file().close())
    segments = cap.session(0).entries[0].segments
    assert [(len(s.rows), s.striding) for s in segments] == [(5, False), (5, True)]
    assert cap.sessions["strides"][0] == 1
    assert [item.packets for item, _ in written(cap, tmp_path / "o.asf", segments="split")] == [
        5,
        5,
    ]


def change(play, other, hr=1):
    play.say("LinkMacToViewerReportEndOfStream", hr=hr, play_incarnation=10)
    return play.say(
        "LinkMacToViewerReportStreamChange", dw_tcp_hdr_incarnation=0xFF,
        cb_packet_size=other.packet_size, cb_header_size=len(other.header), dw_bit_rate=1,
    )  # fmt: skip


def test_a_pushed_playlist_entry_is_a_file_of_its_own(tmp_path):
    other = make.asf(count=12, packet_size=300)
    play = Play().open().connect().open_file(SHORT).read_header(SHORT)
    play.start(10).packets(SHORT, range(30), incarnation=10)
    change(play, other).header(other, 0xFF)
    play.packets(other, range(4), incarnation=0xFF, sequence=30)
    play.start(11).packets(other, range(4, 12), incarnation=11, sequence=34)
    cap = capture(tmp_path, play.close_file().close())
    first, second = written(cap, tmp_path / "out.asf")
    assert (first[1], second[1]) == (ASF.file, other.file)
    assert second[0].path.name == "out-2.asf"
    assert cap.sessions["entries"][0] == 2
    assert cap.sessions["seeks"][0] == 0


def test_a_playlist_entry_over_udp_is_asked_for(tmp_path):
    other = make.asf(count=12, packet_size=300)
    play = Play().open().connect(udp=7000).open_file(SHORT).read_header(SHORT, udp=7000)
    play.start(10).packets(SHORT, range(30), incarnation=10, udp=7000)
    change(play, other).read_header(other, incarnation=2, udp=7000)
    play.start(11).packets(other, range(12), incarnation=11, sequence=30, udp=7000)
    first, second = written(capture(tmp_path, play.close_file()), tmp_path / "out.asf")
    assert (first[1], second[1]) == (ASF.file, other.file)


def test_a_stream_change_that_was_lost_shows_in_the_header_that_follows(tmp_path):
    other = make.asf(count=12, packet_size=400, first_send=9000)
    header = bytearray(other.header)
    header[80] ^= 1
    other = make.Asf(bytes(header), other.packets, 400)
    play = Play().open().connect().open_file(ASF).read_header(ASF)
    play.start(10).packets(ASF, range(30), incarnation=10).header(other, 0xFF)
    play.packets(other, range(12), incarnation=0xFF, sequence=30)
    found = written(capture(tmp_path, play), tmp_path / "out.asf")
    assert [data for _, data in found] == [ASF.file, other.file]


def test_a_live_header_gets_its_numbers(tmp_path):
    live = make.asf(count=25, broadcast=True, first_send=60_000)
    sent = make.Asf(live.header, live.packets, live.packet_size)
    play = (
        Play()
        .open()
        .connect()
        .open_file(sent, attributes=0x02000000, file_packet_count=0, file_duration=0.0)
    )
    play.read_header(sent).start()
    for i, packet in enumerate(live.packets):
        play.data(7000 + i, packet, 10, i)
    ((made, data),) = written(capture(tmp_path, play.close_file()), tmp_path / "out.asf")
    found = asf_module.describe(data)
    assert (found.packet_count, found.broadcast) == (25, False)
    assert found.file_size == len(data) == len(live.header) + 25 * 400
    assert found.play_duration == 2.5 + 3.0
    assert data[len(live.header) :] == b"".join(live.packets)
    at = found.size
    assert int.from_bytes(data[at + 16 : at + 24], "little") == 50 + 25 * 400
    assert int.from_bytes(data[at + 40 : at + 48], "little") == 25
    assert set(made.changed) >= {"packet count", "file size", "play duration", "broadcast flag"}
    assert made.missing == []


def lossy():
    """UDP: 7 and 8 lost, 8 resent, 12 late, 15 twice."""
    order = [*range(7), *range(9, 12), 13, 14, 12, 15, 15, *range(16, 30)]
    play = Play().open().connect(udp=7000).open_file(SHORT).read_header(SHORT, udp=7000).start()
    for location in order:
        play.data(location, SHORT.packets[location], 10, location, udp=7000)
        if location == 10:
            play.udp("c", resend(7, 8), 7000, 1755)
        if location == 20:
            play.data(8, SHORT.packets[8], 10, 8, udp=7000)
    return play.close_file().close()


def resend(*numbers):
    from mmscodec import mms

    return mms.encode(
        "RequestPacketListResend", dw_client_id=77, w_source_id=5, dw_begin_packet_list=numbers
    )


def test_udp_order_duplicates_and_resends_are_resolved_and_counted(tmp_path):
    cap = capture(tmp_path, lossy())
    row = cap.sessions[0]
    assert (row["lost"], row["longest_loss"], row["duplicates"]) == (1, 1, 1)
    assert row["reordered"] == 1  # 12; 8 was sent again, for it was asked for
    assert (row["resend_requests"], row["resends_asked"], row["resends_delivered"]) == (1, 2, 1)
    assert cap.flows[row["resend_flow"]]["dst_port"] == 1755
    ((made, data),) = written(cap, tmp_path / "out.asf")
    assert made.missing == [(7, 1)]
    assert data[len(ASF.header) :] == b"".join(ASF.packets[:7] + ASF.packets[8:])


def cut_short(
    kept, *, hr=0, stop=False, places=range(30), attributes=0x01800000, asked=(), **start
):
    """UDP: the server sent 30 packets and said so, of which the first `kept` came."""
    play = Play().open().connect(udp=7000).open_file(SHORT, attributes=attributes)
    play.read_header(SHORT, udp=7000).start(**start)
    play.packets(SHORT, list(places)[:kept], udp=7000)
    if asked:
        play.udp("c", resend(*asked), 7000, 1755)
    if stop:
        play.stop()
    else:
        play.say("LinkMacToViewerReportEndOfStream", hr=hr, play_incarnation=10)
    return play.close_file().close()


def losses(tmp_path, play):
    row = capture(tmp_path, play).sessions[0]
    return int(row["lost"]), int(row["longest_loss"]), int(row["lost_at_end"])


def test_packets_lost_behind_the_last_one_are_counted_when_the_server_sent_all(tmp_path):
    assert losses(tmp_path, cut_short(30)) == (0, 0, 0)
    assert losses(tmp_path, cut_short(26)) == (4, 4, 4)
    assert losses(tmp_path, cut_short(26, hr=1)) == (4, 4, 4)
    both = [*range(10), *range(11, 30)]
    play = Play().open().connect(udp=7000).open_file(SHORT).read_header(SHORT, udp=7000).start()
    for place in both[:20]:
        play.data(place, SHORT.packets[place], 10, place, udp=7000)
    play.say("LinkMacToViewerReportEndOfStream", hr=0, play_incarnation=10)
    assert losses(tmp_path, play.close_file().close()) == (10, 9, 9)


def test_what_nobody_said_was_sent_is_not_lost(tmp_path):
    assert losses(tmp_path, cut_short(26, stop=True))[2] == 0
    assert losses(tmp_path, cut_short(26, hr=0x80070057))[2] == 0
    assert losses(tmp_path, cut_short(26, frame_offset=2000))[2] == 0
    assert losses(tmp_path, cut_short(26, attributes=0x02000000))[2] == 0
    thinned = cut_short(10, places=range(0, 30, 2))  # the server leaves packets out
    assert losses(tmp_path, thinned)[2] == 0


def test_packets_asked_for_that_never_came_are_lost_at_the_end(tmp_path):
    assert losses(tmp_path, cut_short(26, stop=True, asked=(26, 27, 26))) == (2, 2, 2)
    assert losses(tmp_path, cut_short(26, asked=(26,)))[2] == 4


def test_header_over_udp_asked_for_twice_is_one_header(tmp_path):
    play = Play().open().connect(udp=7000).open_file(SHORT)
    play.say("LinkViewerToMacReadBlock", open_file_id=5, play_incarnation=1)
    play.say("LinkMacToViewerReportReadBlock", play_incarnation=1)
    play.data(1, SHORT.header[100:], 1, 0x08, udp=7000)  # its first fragment was lost
    play.say("LinkViewerToMacCancelReadBlock", play_incarnation=1)
    play.read_header(SHORT, incarnation=2, pieces=2, udp=7000)
    play.start().packets(SHORT, range(30), udp=7000)
    ((_, data),) = written(capture(tmp_path, play.close_file()), tmp_path / "out.asf")
    assert data == ASF.file


def test_packet_pair_packets_are_no_media(tmp_path):
    play = Play().open().connect(udp=7000).open_file(SHORT)
    for i in range(2):
        play.data(0xF0F0F000 + i, bytes(1464), 0xFF, 0x10, udp=7000)
    play.read_header(SHORT, udp=7000).start().packets(SHORT, range(30), udp=7000)
    cap = capture(tmp_path, play.close_file())
    assert cap.sessions["media_packets"][0] == 30
    assert written(cap, tmp_path / "o.asf")[0][1] == ASF.file


def test_sequences_are_extended_over_wraps_holes_and_restarts():
    places = np.arange(2000)
    kept = np.delete(places, np.arange(300, 700))  # a hole longer than the byte counts
    flags = (kept & 0xFF).astype(np.uint8)
    found = extend(flags, kept, np.zeros(len(kept), int))
    assert delivery(found).lost == 400
    assert delivery(found).longest == 400
    thinned = kept * 3  # LocationIds leave packets out that were never sent
    whole_run = (np.arange(len(kept)) & 0xFF).astype(np.uint8)
    assert delivery(extend(whole_run, thinned, np.zeros(len(kept), int))).lost == 0
    flags = np.array([0xFD, 0xFE, 0x00, 0x01], np.uint8)
    places = np.array([10, 11, 50, 51])
    assert delivery(extend(flags, places, np.array([0, 0, 1, 1]))).lost == 0
    assert delivery(extend(flags, places, np.array([0, 0, 0, 0]))).lost == 1


def test_the_clients_own_log_stands_beside_what_was_measured(tmp_path):
    play = Play().open().connect().open_file(SHORT).read_header(SHORT)
    play.start().packets(SHORT, range(30)).stop()
    info = {"sz_url": "mms://media.example/clip.wmv", "dw_packets_received": 30}
    play.say("LinkViewerToMacLogging", log={"info": info, "dw_packets_lost_net": 4})
    session = capture(tmp_path, play.close_file()).session(0)
    assert session.log["sz_url"] == "mms://media.example/clip.wmv"
    assert session.log["dw_packets_received"] == session.row["media_packets"] == 30
    assert session.log["dw_packets_lost_net"] == 4
