"""ASF headers: what they say, and headers that lie."""

import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmscodec import asf
from mmscodec.errors import MalformedError, TruncatedError
from tests.asf import make

MEDIA = Path(__file__).parents[1] / "captures" / "mms" / "media"
PLAIN = make.header(20, 400)
CODEC_LIST = bytes.fromhex("4052D1861D31D011A3A400A0C90348F6")


def with_object(size, guid=bytes(16), body=b"", behind=b""):
    """A header whose last object claims to have `size` bytes."""
    return make.header(20, 400, extra=guid + struct.pack("<Q", size) + body + behind)


def test_a_real_header_says_what_is_in_the_file():
    found = asf.describe((MEDIA / "sample.asf").read_bytes()[:957])
    assert (found.size, found.packet_count, found.packet_size) == (907, 93, 3200)
    assert (found.title, found.author) == ("mms lab sample", "lab")
    assert found.duration == pytest.approx(10.046)
    assert [str(stream) for stream in found.streams] == [
        "1 video: Windows Media Video 8, 320x240",
        "2 audio: Windows Media Audio 2, 44100 Hz, 1 channels, 64 kbit/s",
    ]
    assert found.codecs == ["video: wmv2", "audio: Windows Media Audio V8"]
    assert found.problems == []


@pytest.mark.parametrize("size", [0, 1, 23, 1 << 63, (1 << 64) - 1, 1000])
def test_an_object_with_an_impossible_size_ends_the_walk(size):
    found = asf.describe(with_object(size))
    assert len(found.streams) == 1
    assert found.packet_count == 20
    ((_, words),) = found.problems
    assert f"object size {size}" in words


def test_an_object_of_24_bytes_is_empty_and_good():
    assert asf.describe(with_object(24)).problems == []


@pytest.mark.parametrize("guid", [make.FILE, make.STREAM, make.EXTENSION, CODEC_LIST])
def test_a_known_object_that_is_too_short_is_a_problem_and_nothing_more(guid):
    found = asf.describe(with_object(24, guid))
    assert len(found.problems) == 1
    assert found.packet_count == 20


@pytest.mark.parametrize("size", [0, 29, 1 << 63, len(PLAIN) + 1])
def test_a_header_object_with_an_impossible_size_is_a_problem(size):
    damaged = PLAIN[:16] + struct.pack("<Q", size) + PLAIN[24:]
    assert asf.describe(damaged).problems


def test_extensions_are_read_and_never_inside_of_each_other():
    inner = make.audio_stream(number=9)
    deep = inner
    for _ in range(3):
        deep = make.obj(make.EXTENSION, bytes(18) + struct.pack("<I", len(deep)) + deep)
    found = asf.describe(make.header(20, 400, extra=deep))
    assert [stream.number for stream in found.streams] == [1]
    assert "inside of another" in found.problems[0][1]
    once = make.obj(make.EXTENSION, bytes(18) + struct.pack("<I", len(inner)) + inner)
    assert len(asf.describe(make.header(20, 400, extra=once)).streams) == 2


def test_extension_data_that_leaves_its_object_are_cut():
    extra = make.obj(make.EXTENSION, bytes(18) + struct.pack("<I", 0xFFFFFFFF))
    assert "leaves its object" in asf.describe(make.header(20, 400, extra=extra)).problems[0][1]


def test_many_objects_are_read_up_to_a_limit():
    extra = (bytes(16) + struct.pack("<Q", 24)) * 20_000
    assert (
        "more than 10000 objects" in asf.describe(make.header(20, 400, extra=extra)).problems[0][1]
    )


def test_objects_that_hold_objects_are_walked_up_to_a_limit():
    inner = (bytes(16) + struct.pack("<Q", 24)) * 100
    extra = make.obj(make.EXTENSION, bytes(18) + struct.pack("<I", len(inner)) + inner) * 1000
    found = asf.describe(make.header(20, 400, extra=extra))
    assert [words for _, words in found.problems] == ["more than 256 objects that hold objects"]


def test_counts_larger_than_what_is_there_end_with_what_is_there():
    extra = make.obj(CODEC_LIST, bytes(16) + struct.pack("<I", 0xFFFFFFFF) + bytes(8))
    found = asf.describe(make.header(20, 400, extra=extra))
    assert found.codecs == ["other: "]
    (_, first), (_, second) = found.problems
    assert first == "more than 4096 items in lists"
    assert "2 bytes needed" in second


def test_items_of_all_lists_together_have_a_limit():
    codecs = make.obj(CODEC_LIST, bytes(16) + struct.pack("<I", 3000) + bytes(8) * 3000)
    found = asf.describe(make.header(20, 400, extra=codecs * 3))
    assert len(found.codecs) == 4096


def test_bytes_that_are_no_header_raise():
    with pytest.raises(TruncatedError):
        asf.describe(PLAIN[:20])
    with pytest.raises(MalformedError):
        asf.describe(bytes(100))


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_no_damage_makes_it_fail(data):
    damaged = bytearray((MEDIA / "sample.asf").read_bytes()[:957])
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(16, len(damaged) - 1))
        damaged[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(30, len(damaged)))
    found = asf.describe(damaged[:cut])
    found.as_dict()
    assert len(found.streams) <= 128
