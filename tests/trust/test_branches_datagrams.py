"""Datagrams that are almost room advertisements of WinMX: only whole ones are known."""

import struct

import pytest

import mmscodec
from mmscodec.winmx import _cipher
from tests.capture.test_winmx import datagrams
from tests.winmx.vectors import UDP_PLAIN

HEAD, NAME, TOPIC = UDP_PLAIN[:19], b"Room_010200C01A2B\0", b"Topic\0"


def known(plain):
    """How many advertisements a capture of this datagram has."""
    with mmscodec.open(datagrams([_cipher.udp_encipher(plain)])) as capture:
        return len(capture.winmx.packets)


def with_numbers(users, limit):
    return HEAD[:9] + struct.pack("<II", users, limit) + HEAD[17:]


def test_the_vector_is_one():
    assert HEAD + NAME + TOPIC == UDP_PLAIN
    assert known(UDP_PLAIN) == 1
    assert known(with_numbers(0, 0) + NAME + b"\0") == 1


@pytest.mark.parametrize(
    "plain",
    [
        pytest.param(HEAD + NAME + TOPIC[:-1], id="the last text does not end"),
        pytest.param(HEAD + b"\0" + TOPIC, id="no name"),
        pytest.param(HEAD + NAME + TOPIC + b"more\0", id="three texts"),
        pytest.param(HEAD + NAME, id="one text"),
        pytest.param(HEAD + b"Ro\x1fom\0" + TOPIC, id="a control character in the name"),
        pytest.param(with_numbers(1 << 24, 9) + NAME + TOPIC, id="too many users"),
        pytest.param(with_numbers(9, 1 << 31) + NAME + TOPIC, id="too large a limit"),
        pytest.param(HEAD + b"A\0", id="too short"),
        pytest.param(HEAD[:4] + b"\x48" + HEAD[5:] + NAME + TOPIC, id="another type"),
    ],
)
def test_what_is_almost_one_is_none(plain):
    assert known(plain) == 0


def test_control_characters_in_the_topic_are_text():
    assert known(HEAD + NAME + b"\3\x0cred\0") == 1
