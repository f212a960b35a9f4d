"""Sessions of every kind, made by hand: what the server sent and what happened are known exactly.

A kind is a function that gives a `Truth`. Nothing in here asks the package about sessions; it only
encodes messages.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.asf import make
from tests.sessions.play import Play

ASF = make.asf(count=60)
SECOND = make.asf(count=20, packet_size=300, first_send=50)
LIVE = make.asf(count=60, broadcast=True, first_send=90_000)
UDP = 7000
NO_LIMIT = 0x00FFFFFF  # frameOffset of all third-party players


@dataclass
class Truth:
    """What a capture of these connections must show.

    `files` has the media packets of each file of each session in the order in which a rebuilt file
    has them; `facts` columns of `cap.sessions`, session by session.
    """

    plays: list[Play]
    facts: list[dict] = field(default_factory=list)
    files: list[list[bytes]] = field(default_factory=list)
    complete: list[bool] = field(default_factory=list)


def begun(asf=ASF, *, udp=None, name="clip.wmv", attributes=0x01800000, **options):
    """Up to the confirmed streams."""
    play = Play(**options).open().connect(udp=udp)
    play.open_file(asf, name=name, attributes=attributes).read_header(asf, udp=udp)
    play.say("LinkViewerToMacStreamSwitch", a_stream_entries=[(0xFFFF, 1, 0)])
    return play.say("LinkMacToViewerReportStreamSwitch")


def end_of_stream(play, incarnation=10, hr=0):
    return play.say("LinkMacToViewerReportEndOfStream", hr=hr, play_incarnation=incarnation)


def ask_start(play, incarnation, **fields):
    return play.say(
        "LinkViewerToMacStartPlaying", open_file_id=5, play_incarnation=incarnation,
        frame_offset=NO_LIMIT, **fields,
    )  # fmt: skip


def confirm(play, incarnation):
    return play.say("LinkMacToViewerReportStartedPlaying", play_incarnation=incarnation)


def ask_stop(play, incarnation):
    return play.say("LinkViewerToMacStopPlaying", open_file_id=5, play_incarnation=incarnation)


def media(play, locations, *, incarnation=10, sequence=0, udp=None, asf=ASF, lose=(), base=0):
    """Packets under running numbers; those in `lose` are numbered and not sent."""
    for i, location in enumerate(locations):
        if i not in lose:
            play.data(base + location, asf.packets[location], incarnation, sequence + i, udp)
    return play


def done(play):
    return play.close_file().close()


# ---- one start of playback


def whole(udp=None):
    play = begun(udp=udp)
    ask_start(play, 10)
    confirm(play, 10)
    media(play, range(60), udp=udp)
    done(end_of_stream(play))
    facts = {"seeks": 0, "pauses": 0, "strides": 0, "lost": 0, "media_packets": 60, "played_out": 1}
    return Truth([play], [facts], [ASF.packets], [True])


def udp_loss(lose, resent=(), stopped=False):
    """`lose` of 60 numbers do not come; `resent` of them are sent again when asked for."""
    play = begun(udp=UDP)
    ask_start(play, 10)
    confirm(play, 10)
    lose = set(lose)
    media(play, range(60), udp=UDP, lose=lose)
    if resent:
        from mmscodec import mms

        play.udp("c", mms.encode(
            "RequestPacketListResend", dw_client_id=77, w_source_id=5,
            dw_begin_packet_list=list(resent),
        ), UDP, 1755)  # fmt: skip
        for number in resent:
            play.data(number, ASF.packets[number], 10, number, UDP)
    done(end_of_stream(play))
    gone = sorted(lose - set(resent))
    tail = 0
    while 59 - tail in gone:
        tail += 1
    kept = [packet for i, packet in enumerate(ASF.packets) if i not in gone]
    facts = {
        "lost": len(gone), "lost_at_end": tail if len(gone) < 60 else 60, "reordered": 0,
        "seeks": 0, "pauses": 0, "media_packets": len(kept), "resends_delivered": len(resent),
    }  # fmt: skip
    return Truth([play], [facts], [kept] if kept else [[]], [not gone])


def nothing_came(udp=None, ended=True):
    """A Start that was confirmed, and no media."""
    play = begun(udp=udp)
    ask_start(play, 10)
    confirm(play, 10)
    play.clock += 9000
    if ended:
        ask_stop(play, 10)
        end_of_stream(play)
    done(play)
    return Truth([play], [{"media_packets": 0, "end_reason": 6}], [[]], [False])


# ---- several starts


def again(how, first, second, udp=None):
    """Two starts: packets `first`, then `second`; `how` = "wait", "hasty" or "start"."""
    play = begun(udp=udp)
    ask_start(play, 10)
    confirm(play, 10)
    first, second = list(first), list(second)
    where = {"position": 1.0, "location_id": second[0]} if second[0] else {}
    if how == "wait":
        media(play, first, udp=udp)
        ask_stop(play, 10)
        end_of_stream(play)
        play.clock += 2000
        ask_start(play, 11, **where)
        confirm(play, 11)
    else:
        early = max(len(first) - 5, 0)
        media(play, first[:early], udp=udp)
        if how == "hasty":
            ask_stop(play, 10)
        ask_start(play, 11, **where)
        media(play, first[early:], sequence=early, udp=udp)  # under way when it was asked
        if how == "hasty":
            end_of_stream(play)
        confirm(play, 11)
    media(play, second, incarnation=11, sequence=len(first), udp=udp)
    done(end_of_stream(play, 11))
    goes_on = second[0] == first[-1] + 1
    kept = sorted(set(first) | set(second))
    facts = {
        "seeks": int(not goes_on), "pauses": int(goes_on and how != "start"), "lost": 0,
        "media_packets": len(first) + len(second),
    }  # fmt: skip
    return Truth([play], [facts], [[ASF.packets[i] for i in kept]], [kept == list(range(60))])


def stride(step, start=0, udp=None):
    play = begun(udp=udp)
    play.say("LinkViewerToMacStartStriding", open_file_id=5, play_incarnation=10, rate=float(step),
             location_id=start)  # fmt: skip
    play.say("LinkMacToViewerReportStartStriding", play_incarnation=10)
    places = list(range(start, 60 if step > 0 else -1, step))
    media(play, places, udp=udp)
    done(end_of_stream(play))
    facts = {"strides": 1, "seeks": 0, "pauses": 0, "lost": 0, "media_packets": len(places)}
    return Truth([play], [facts], [[ASF.packets[i] for i in sorted(places)]], [False])


# ---- several files


def change(play, other, hr=1, incarnation=10):
    end_of_stream(play, incarnation, hr=hr)
    return play.say(
        "LinkMacToViewerReportStreamChange", dw_tcp_hdr_incarnation=0xFF,
        cb_packet_size=other.packet_size, cb_header_size=len(other.header), dw_bit_rate=1,
    )  # fmt: skip


def playlist(udp=None, hr=1):
    play = begun(udp=udp)
    ask_start(play, 10)
    confirm(play, 10)
    media(play, range(60), udp=udp)
    change(play, SECOND, hr)
    if udp is None:
        play.header(SECOND, 0xFF)
        media(play, range(4), incarnation=0xFF, sequence=60, asf=SECOND)
        ask_start(play, 11)
        confirm(play, 11)
        media(play, range(4, 20), incarnation=11, sequence=64, asf=SECOND)
    else:
        play.read_header(SECOND, incarnation=2, udp=udp)
        ask_start(play, 11)
        confirm(play, 11)
        media(play, range(20), incarnation=11, sequence=60, udp=udp, asf=SECOND)
    done(end_of_stream(play, 11))
    facts = {"entries": 2, "seeks": 0, "pauses": 0, "lost": 0, "media_packets": 80}
    return Truth([play], [facts], [ASF.packets, SECOND.packets], [True, True])


def live(base=0x01234567, restart=None, udp=None):
    """A live source; `restart` = after so many packets its numbers begin again."""
    play = begun(LIVE, udp=udp, attributes=0x06000000)
    ask_start(play, 10)
    confirm(play, 10)
    cut = 60 if restart is None else restart
    media(play, range(cut), udp=udp, asf=LIVE, base=base)
    media(play, range(cut, 60), sequence=cut, udp=udp, asf=LIVE, base=-cut)
    done(end_of_stream(play))
    facts = {"lost": 0, "seeks": 0, "pauses": 0, "media_packets": 60}
    return Truth([play], [facts], [LIVE.packets], [False])


# ---- several connections


def redirected(overlap=True):
    first = Play(port=40001).open().connect()
    first.say("LinkViewerToMacOpenFile", file_name="old.wmv", play_incarnation=9)
    first.say("LinkMacToViewerReportRedirect", redirect_type=1,
              wsz_location="mms://10.0.0.9:1755/clip.wmv")  # fmt: skip
    at = first.clock
    if overlap:
        first.clock += 20
    first.close()
    second = begun(port=40002, server="10.0.0.9", start=at + 1 if overlap else first.clock + 5)
    ask_start(second, 10)
    confirm(second, 10)
    media(second, range(60))
    done(end_of_stream(second))
    facts = [{"redirected_to": 1, "end_reason": 4}, {"media_packets": 60, "reconnect_of": -1}]
    return Truth([first, second], facts, [ASF.packets], [True])


def reconnected(overlap=True):
    first = begun(port=40001)
    ask_start(first, 10)
    confirm(first, 10)
    media(first, range(20))
    at = first.clock
    if overlap:
        first.clock += 300
    first.tcp("c", flags=4 | 16, kind="rst")
    second = begun(port=40002, start=at + 100 if overlap else first.clock + 50)
    ask_start(second, 10, location_id=20, position=2.0)
    confirm(second, 10)
    media(second, range(20, 60))
    done(end_of_stream(second))
    facts = [{"media_packets": 20, "reconnect_of": -1}, {"media_packets": 40, "reconnect_of": 0}]
    return Truth([first, second], facts, [ASF.packets[:20], ASF.packets[20:]], [False, False])


def stopped_inside():
    """The viewer closes the connection while a Data packet is under way."""
    from mmscodec import mms

    play = begun()
    ask_start(play, 10)
    confirm(play, 10)
    media(play, range(20))
    packet = mms.encode("Data", location_id=20, play_incarnation=10, af_flags=20,
                        payload=ASF.packets[20])  # fmt: skip
    play.tcp("s", packet[:100], kind="part")
    play.tcp("c", flags=4 | 16, kind="rst")
    return Truth([play], [{"media_packets": 20, "partial": 0}], [ASF.packets[:20]], [False])


def udp_refused():
    play = Play().open().connect(udp=UDP, refuse=0x80070032)
    play.open_file(ASF).read_header(ASF)
    ask_start(play, 10)
    confirm(play, 10)
    media(play, range(60))
    done(end_of_stream(play))
    return Truth([play], [{"udp_story": 2, "media_packets": 60}], [ASF.packets], [True])


KINDS = {
    "whole": whole,
    "whole udp": lambda: whole(UDP),
    "lost at the start": lambda: udp_loss(range(5)),
    "lost in the middle": lambda: udp_loss([*range(20, 27), 40]),
    "lost at the end": lambda: udp_loss(range(54, 60)),
    "lost everywhere": lambda: udp_loss([0, 1, 20, 21, 22, 58, 59]),
    "lost and resent": lambda: udp_loss([10, 20, 30], resent=(10, 20)),
    "lost totally": lambda: udp_loss(range(60)),
    "nothing came": nothing_came,
    "nothing came udp": lambda: nothing_came(UDP),
    "seek": lambda: again("wait", range(20), range(40, 60)),
    "seek back": lambda: again("wait", range(40), range(10, 60)),
    "seek of one packet": lambda: again("wait", range(20), range(21, 60)),
    "seek back one packet": lambda: again("wait", range(20), range(19, 60)),
    "hasty seek": lambda: again("hasty", range(20), range(40, 60)),
    "seek without stop": lambda: again("start", range(20), range(40, 60)),
    "pause": lambda: again("wait", range(20), range(20, 60)),
    "hasty pause": lambda: again("hasty", range(25), range(25, 60)),
    "seek udp": lambda: again("wait", range(20), range(40, 60), UDP),
    "pause udp": lambda: again("wait", range(20), range(20, 60), UDP),
    "stride": lambda: stride(5),
    "rewind": lambda: stride(-3, 57),
    "playlist pushed": playlist,
    "playlist pushed by an old server": lambda: playlist(hr=0),
    "playlist udp": lambda: playlist(UDP),
    "live": live,
    "live udp": lambda: live(0x00123456, udp=UDP),
    "live begins again": lambda: live(restart=25),
    "redirect": lambda: redirected(overlap=False),
    "redirect before the old one's end": redirected,
    "reconnect": lambda: reconnected(overlap=False),
    "reconnect before the old one's end": reconnected,
    "stopped inside a packet": stopped_inside,
    "udp refused": udp_refused,
}
