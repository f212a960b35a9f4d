"""Sessions of every kind against what is known of them, captured whole and in every other way."""

import random
from dataclasses import replace

import numpy as np
import pytest

import mmscodec
from mmscodec.errors import MmsCodecError
from mmscodec.sessions import table
from mmscodec.sessions.states import SERVER, STREAMING
from tests.capture import build, recut
from tests.sessions.kinds import KINDS
from tests.sessions.play import capture

#: Facts that no way of capturing may raise above what they are.
COUNTS = ("seeks", "pauses", "strides", "lost", "lost_at_end", "media_packets", "entries")
NAMES = list(KINDS)


def media_of(made):
    """Packets of a file that was written."""
    data = made.path.read_bytes()
    body = data[len(data) - made.packets * made.packet_size :]
    return [body[i : i + made.packet_size] for i in range(0, len(body), made.packet_size)]


def extracted(cap, tmp_path, **options):
    """(session, AsfFile, packets) of all files that can be written."""
    out = []
    for session in range(len(cap.sessions)):
        try:
            files = cap.write_asf(session, tmp_path / "out.asf", **options)
        except MmsCodecError:
            continue
        out += [(session, made, media_of(made)) for made in files if made.path is not None]
    return out


def in_order(some, whole):
    """Whether `some` are packets of `whole` in the same order."""
    rest = iter(whole)
    return all(packet in rest for packet in some)


def nothing_invented(cap, truth, tmp_path):
    """Whatever was lost: no packet, file or fact that was not there."""
    for _, made, packets in extracted(cap, tmp_path):
        homes = [file for file in truth.files if in_order(packets, file)]
        assert homes, f"{made.packets} packets are of no file, or in another order"
        if made.complete:
            assert packets in truth.files
    total = {name: sum(fact.get(name, 1 << 30) for fact in truth.facts) for name in COUNTS}
    total["lost"] += sum(fact.get("resends_delivered", 0) for fact in truth.facts)  # until then
    for name in COUNTS:
        if name != "entries":
            assert cap.sessions[name].astype(np.int64).sum() <= total[name], name
    for session, row in enumerate(cap.sessions):
        cap.session(session).as_dict()
        assert not row["faults"] or row["partial"] & table.FAULTS
        if row["lost_at_start"]:
            assert not row["partial"] & table.NO_START


@pytest.mark.parametrize("name", NAMES)
def test_facts_and_files_are_those_of_the_session(name, tmp_path):
    truth = KINDS[name]()
    cap = capture(tmp_path, *truth.plays)
    assert len(cap.sessions) == len(truth.facts)
    for session, facts in enumerate(truth.facts):
        row = cap.sessions[session]
        assert {key: row[key].item() for key in facts} == facts
        assert row["partial"] == 0, cap.session(session).partial_text
    found = extracted(cap, tmp_path)
    assert [packets for _, _, packets in found] == truth.files
    assert [made.complete for _, made, _ in found] == truth.complete


@pytest.mark.parametrize("name", NAMES)
def test_media_packets_come_while_the_server_streams(name, tmp_path):
    truth = KINDS[name]()
    cap = capture(tmp_path, *truth.plays)
    for session in range(len(cap.sessions)):
        changes = cap.transitions[cap.transitions["session"] == session]
        changes = changes[changes["side"] == SERVER]
        for entry in cap.session(session).entries:
            times = cap.data["time"][entry.rows]
            at = np.searchsorted(changes["time"], times, "right") - 1
            assert (changes["after"][at] == STREAMING).all()


@pytest.mark.parametrize("part", [0.1, 0.25, 0.4, 0.6, 0.8, 0.95])
@pytest.mark.parametrize("name", NAMES)
def test_captures_that_begin_in_the_middle_or_are_cut_invent_nothing(name, part, tmp_path):
    truth = KINDS[name]()
    count = sum(len(play.frames) for play in truth.plays)
    for kept in (range(int(count * part), count), range(int(count * part))):
        cap = capture(tmp_path, *truth.plays, keep=lambda i, _, kept=kept: i in kept)
        nothing_invented(cap, truth, tmp_path)


@pytest.mark.parametrize("who", ["c", "s"])
@pytest.mark.parametrize("name", NAMES)
def test_one_direction_alone_invents_nothing(name, who, tmp_path):
    truth = KINDS[name]()
    cap = capture(tmp_path, *truth.plays, keep=lambda _, frame: frame[0] == who)
    nothing_invented(cap, truth, tmp_path)
    if who == "s":
        found = [packets for _, _, packets in extracted(cap, tmp_path)]
        assert [file for file in found if file] == [file for file in truth.files if file]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", NAMES)
def test_lost_frames_invent_nothing(name, seed, tmp_path):
    truth = KINDS[name]()
    chance = random.Random(f"{name} {seed}")
    cap = capture(tmp_path, *truth.plays, keep=lambda i, _: chance.random() > 0.05 + 0.1 * seed)
    total = [fact.get("media_packets", 0) for fact in truth.facts]
    assert cap.sessions["media_packets"].sum() <= sum(total)
    for _, made, packets in extracted(cap, tmp_path):
        assert any(set(packets) <= set(file) for file in truth.files)
        assert not made.complete or packets in truth.files


def recaptured(tmp_path, truth, change):
    """The capture of the same packets after `change`."""
    capture(tmp_path, *truth.plays)
    packets = change(recut.read(tmp_path / "play.pcap"))
    path = tmp_path / "changed.pcap"
    path.write_bytes(build.pcap(recut.ethernet(packets)))
    return mmscodec.open(path)


def joined(packets, size=65_000):
    """Segments of one flow that follow each other without anything in between are one."""
    out = []
    for packet in packets:
        last = out[-1] if out else None
        if (
            last is not None and last.bare and packet.bare and last.flow == packet.flow
            and last.payload and packet.payload and len(last.payload) + len(packet.payload) < size
            and (last.seq + len(last.payload)) & 0xFFFFFFFF == packet.seq
        ):  # fmt: skip
            out[-1] = replace(last, payload=last.payload + packet.payload, time=packet.time)
        else:
            out.append(packet)
    return out


CHANGES = {
    "pieces of 7": lambda packets: recut.split(packets, 7),
    "pieces of 1448": lambda packets: recut.split(joined(packets), 1448),
    "joined": lambda packets: joined(packets),
    "overlapping": lambda packets: recut.overlapping(packets, 1),
    "sent again": lambda packets: recut.duplicated(packets, 2),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", [name for name in NAMES if "udp" not in name])
def test_other_segments_give_the_same_facts(name, change, tmp_path):
    truth = KINDS[name]()
    cap = recaptured(tmp_path, truth, CHANGES[change])
    for session, facts in enumerate(truth.facts):
        facts = {key: value for key, value in facts.items() if key != "partial"}
        assert {key: cap.sessions[session][key].item() for key in facts} == facts
    assert [packets for _, _, packets in extracted(cap, tmp_path)] == truth.files


@pytest.mark.parametrize("name", NAMES)
def test_a_capture_that_was_replayed_says_so_or_is_a_second_session(name, tmp_path):
    truth = KINDS[name]()
    capture(tmp_path, *truth.plays)
    packets = recut.read(tmp_path / "play.pcap")
    later = recut.retimed(packets, [packet.time + 60 * 10**9 for packet in packets])
    path = tmp_path / "twice.pcap"
    path.write_bytes(build.pcap(recut.ethernet(packets + later)))
    cap = mmscodec.open(path)
    if len(cap.sessions) == len(truth.facts):
        assert (cap.sessions["copies"] == 2).all()
    else:
        assert len(cap.sessions) == 2 * len(truth.facts)
    for _, made, packets in extracted(cap, tmp_path):
        assert packets in truth.files
        assert not made.conflicts
