"""The first bytes of a WinMX connection of which parts were not captured, case by case."""

import pytest

from mmscodec import winmx
from mmscodec.winmx import cipher
from mmscodec.winmx.cipher import Role
from mmscodec.winmx.recognition import Recognition

CLIENT = cipher.key_block(Role.SECONDARY_CLIENT, bytes(16))
SERVER = cipher.key_block(Role.SECONDARY_SERVER, bytes(16))
LINKS = {
    "primary": (Role.PRIMARY_CLIENT, Role.PRIMARY_SERVER),
    "secondary": (Role.SECONDARY_CLIENT, Role.SECONDARY_SERVER),
    "chat": (Role.CHAT_CLIENT, Role.CHAT_SERVER),
}
OPEN = Recognition("", False)
NOTHING = b"\x90" * 16  # no key block, no text


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("patched", [False, True])
def test_a_server_whose_greeting_was_not_captured_names_the_link_but_gives_no_keys(link, patched):
    client, server = (cipher.key_block(role, bytes(range(16))) for role in LINKS[link])
    said = cipher.mask(server) if patched else server
    assert winmx.recognise(client, said) == Recognition(link, True)
    # nothing of the client: a server's block alone leaves it open, and any other bytes do not
    assert winmx.recognise(b"", said) == OPEN
    assert winmx.recognise(client[:15], said) == OPEN
    assert winmx.recognise(b"", NOTHING) is None


@pytest.mark.parametrize("size", range(1, 16))
def test_a_piece_of_a_server_is_open_unless_it_is_text(size):
    assert winmx.recognise(b"", NOTHING[:size]) == OPEN
    assert winmx.recognise(CLIENT, NOTHING[:size]) == OPEN
    text = b"220 mail.example.net"[:size].replace(b"1", b"2")
    answer = None if size >= 8 else OPEN
    for client in (b"", CLIENT):
        assert winmx.recognise(client, text) == answer


def test_another_servers_bytes_end_it_though_the_client_fits():
    assert winmx.recognise(CLIENT, NOTHING) is None
    assert winmx.recognise(NOTHING, NOTHING) is None
    assert winmx.recognise(NOTHING, SERVER) is None


@pytest.mark.parametrize("word", [b"GET", b"SEND"])
def test_a_request_for_a_file_waits_for_the_other_side(word):
    request = word + b"Gumdrop song.mp3 and so on"
    assert winmx.recognise(request, b"") == OPEN
    assert winmx.recognise(request, b"1") == Recognition("transfer", True)
    assert winmx.recognise(b"1" + request, b"") == Recognition("transfer", True)
    # a space behind it: HTTP
    other = word + b" /song.mp3 HTTP/1.0"
    assert winmx.recognise(other, b"") is None
    assert winmx.recognise(other, b"1" + NOTHING) is None


def test_a_client_alone_is_likely_and_no_more():
    for link, (role, _) in LINKS.items():
        assert winmx.recognise(cipher.key_block(role, bytes(16)), b"") == Recognition(link, False)
    assert winmx.recognise(NOTHING, b"") is None
    assert winmx.recognise(NOTHING[:15], b"") == OPEN


def test_a_peer_cache_is_judged_by_its_key_block():
    block = cipher.key_block(Role.CACHE, bytes(16))
    assert winmx.recognise(b"", b"8" + block) == Recognition("cache", True)
    assert winmx.recognise(b"", b"8" + block[:15]) == OPEN
    assert winmx.recognise(b"", b"8" + SERVER) is None
    assert winmx.recognise(b"GET / HTTP/1.0\r\n\r\n", b"8" + block) is None
