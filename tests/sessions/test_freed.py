"""A capture and what was made of it are freed with their last name, without the cycle collector."""

import gc
import weakref
from pathlib import Path

import numpy as np
import pytest

import mmscodec
from mmscodec.sessions import Sessions

CAPTURES = Path(__file__).resolve().parent.parent / "captures"
SOME = ["mms/libmms_seek.pcap", "mms/vlc_udp.pcap", "own/own_losses.pcap", "winmx/primary.pcap"]


def everything(cap):
    """Ask for all that a capture keeps for later."""
    made = [cap.sessions, cap.exchanges, cap.transitions, cap.findings, cap.nodes, cap.tables]
    made += [cap.session(number) for number in range(len(cap.sessions))]
    made += [cap.session_column("url"), cap.column("LinkViewerToMacConnect", "subscriber_name")]
    made += [bytes(cap.payload(row)) for row in range(min(3, len(cap.data)))]
    made.append(cap.table("messages", frames=True).numbers("frame").tolist())
    made += [cap.winmx.packets, cap.winmx.findings]
    return made


@pytest.fixture
def without_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("name", SOME)
@pytest.mark.parametrize("in_memory", [True, False])
def test_a_capture_is_freed_with_its_name(name, in_memory, without_collector):
    path = CAPTURES / name
    cap = mmscodec.open(path.read_bytes() if in_memory else path)
    everything(cap)
    kept = [weakref.ref(one) for one in (cap, cap._sessions, cap._frames, cap.messages, cap.data)]
    del cap
    assert [one() for one in kept] == [None] * len(kept)


@pytest.mark.parametrize("name", SOME[:3])
def test_a_session_outlives_the_name_of_its_capture(name, without_collector):
    cap = mmscodec.open(CAPTURES / name)
    other = mmscodec.open(CAPTURES / name)
    session, gone = cap.session(0), weakref.ref(cap)
    del cap
    assert gone() is None
    assert session.as_dict() == other.session(0).as_dict()
    assert session._repr_html_() == other.session(0)._repr_html_()
    assert session.ends.messages == other.session(0).ends.messages


def test_a_session_that_is_kept_still_shows_its_bit_rate(without_collector):
    cap = mmscodec.open(CAPTURES / "mms/ffmpeg_tcp.pcap")
    session = cap.session(0)
    del cap
    assert "<svg" in session._repr_html_()


def test_sessions_outlive_the_capture_that_they_were_made_of(without_collector):
    cap = mmscodec.open(CAPTURES / SOME[0])
    sessions = Sessions(cap)
    rates, levels = cap.session_rates(0), cap.session_buffer(0)
    del cap
    assert sessions[0].url
    assert np.array_equal(sessions.rates(0), rates)
    assert np.array_equal(sessions.buffer(0), levels)
