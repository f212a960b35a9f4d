"""Numbers out of status texts, handles and room names."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmscodec import winmx

SMALL = st.integers(0, 999)


@given(SMALL, SMALL, SMALL, st.booleans(), st.sampled_from(["", "\0"]))
def test_both_forms_of_a_queue_status(free, most, queued, busy, end):
    number = 9000 + free - queued
    if busy:
        text = f"{number} {queued} in queue ({free} of {most} available){end}"
    else:
        number, queued = 9000 + free, 0
        text = f"{number} {free} of {most} available{end}"
    expected = [(number, free, most, queued, True)]
    assert winmx.queue_status(text).tolist() == expected
    assert winmx.queue_status([text.encode()]).tolist() == expected


@pytest.mark.parametrize(
    ("text", "number"),
    [("9001 away from keyboard", 9001), ("9000", 9000), ("", -1), ("later", -1),
     ("99999999999999999999 1 of 1 available", -1), ("9006 6 of 6 availablex", 9006)],
)  # fmt: skip
def test_other_texts_keep_their_number(text, number):
    assert winmx.queue_status([text]).tolist() == [(number, -1, -1, -1, False)]


@given(st.integers(0, 2**32 - 1), st.integers(0, 65535), st.booleans())
def test_handles_and_rooms_come_back_as_addresses(ip, port, upper):
    digits = ip.to_bytes(4, "big")[::-1].hex() + f"{port:04x}"
    digits = digits.upper() if upper else digits
    assert winmx.handle_addresses("WinMX " + digits).tolist() == [(ip, port, True)]
    assert winmx.handle_addresses(["Winmx " + digits]).tolist() == [(ip, port, True)]
    assert winmx.room_addresses("a_room_" + digits).tolist() == [(ip, port, True)]


def test_what_is_no_handle_is_said():
    wrong = ["", "WinMX", "WinMX b8a1797a187", "WinMX b8a1797a18711", "WinMX g8a1797a1871"]
    assert not winmx.handle_addresses(wrong)["known"].any()
    assert not winmx.room_addresses(["Room", "Room_12", "E94AB3E4DAD0"])["known"].any()


@given(st.lists(st.one_of(st.text(max_size=40), st.binary(max_size=40)), max_size=5))
def test_any_text_gives_a_row(texts):
    for call in (winmx.queue_status, winmx.handle_addresses, winmx.room_addresses):
        assert len(call(texts)) == len(texts)
    assert isinstance(winmx.addresses(winmx.handle_addresses("x")), np.ndarray)
