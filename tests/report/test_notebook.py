"""What notebooks show of sessions: tables and a picture, no script, text as text."""

import pickle
from html.parser import HTMLParser

import numpy as np
import pytest

import mmscodec
from mmscodec.sessions import SESSIONS
from tests.report.pages import CAPTURES, ROOT
from tests.report.test_browser import ATTACKS
from tests.sessions.play import Play, capture
from tests.trust.test_hostile_text import WORST, harmless

TAGS = {"b", "table", "tr", "th", "td", "svg", "title", "line", "polyline"}


class Seen(HTMLParser):
    """Tags, attributes and text of a piece of HTML; every tag is closed."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.names, self.words, self.open = set(), set(), [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.names |= {name for name, _ in attrs}
        self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)
        self.names |= {name for name, _ in attrs}

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def seen(text):
    found = Seen(text)
    assert found.tags <= TAGS
    assert not any(name.startswith("on") or name in ("src", "href") for name in found.names)
    return found


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_sessions_of_every_capture(path):
    cap = mmscodec.open(path)
    for i, row in enumerate(cap.sessions):
        assert cap.session(i).end_text in seen(cap.session(i)._repr_html_()).words
        assert "start" in seen(row._repr_html_()).words


def test_a_session_has_a_picture():
    session = mmscodec.open(ROOT / "mms" / "vlc_udp.pcap").session(0)
    found = seen(session._repr_html_())
    assert {"svg", "polyline"} <= found.tags
    assert "151,200 bytes" in found.words
    assert "mmsu://127.0.0.1/small1400.asf" in found.words


def test_text_of_peers_is_text(tmp_path):
    plays = []
    for number, text in enumerate([*ATTACKS, *WORST]):
        play = Play(port=43000 + number, start=100 * number).open()
        play.say("LinkViewerToMacConnect", subscriber_name=f"{text}; Host: {text}")
        plays.append(play.say("LinkViewerToMacOpenFile", file_name=text).close())
    cap = capture(tmp_path, *plays)
    for i in range(len(plays)):
        words = seen(cap.session(i)._repr_html_()).words
        harmless("\n".join(words))
    shown = seen(cap.session(0)._repr_html_()).words
    assert any(ATTACKS[0] in word for word in shown)


def test_rows_are_rows_of_numpy():
    cap = mmscodec.open(ROOT / "mms" / "vlc_udp.pcap")
    rows, row = cap.sessions, cap.sessions[0]
    assert rows is cap.sessions
    assert rows.dtype == SESSIONS
    assert isinstance(row, np.void)
    assert row == rows.view(SESSIONS)[0]
    assert pickle.loads(pickle.dumps(rows)).tolist() == rows.tolist()
    assert np.concatenate([rows, np.zeros(1, SESSIONS)]).dtype.names == SESSIONS.names
