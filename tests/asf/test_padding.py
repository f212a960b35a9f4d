"""Servers cut the padding of ASF packets off; some set Padding Length to 0, some leave it."""

import struct
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import mmscodec
from tests.asf import make

KINDS = {0: 0, 1: 1, 2: 2, 4: 3}
CASES = Path(__file__).resolve().parents[1] / "captures" / "cases"
SERVED = Path(__file__).resolve().parents[1] / "captures" / "mms" / "media" / "sample.asf"


def payload(body, *, offset=0, total=None, key=False, length_size=None):
    """One payload: a fragment of a media object of `total` bytes, from `offset` on."""
    total = offset + len(body) if total is None else total
    head = bytes([0x80 * key | 1, 7]) + struct.pack("<IBII", offset, 8, total, 1234)
    if length_size is not None:
        head += len(body).to_bytes(length_size, "little")
    return head + body


def packet(payloads, pad, *, width=2, length=False, several=None, size=None):
    """An ASF packet with `pad` bytes of padding, declared in `width` bytes."""
    count = len(payloads)
    several = count != 1 if several is None else several
    flags = several | KINDS[width] << 3 | (2 << 5 if length else 0)
    inner = bytes([count | 2 << 6]) if several else b""
    inner += b"".join(payloads)
    total = 3 + 2 + 2 * length + width + 6 + len(inner) + pad
    head = b"\x82\0\0" + bytes([flags, 0x5D])
    head += struct.pack("<H", total) if length else b""
    head += pad.to_bytes(width, "little")
    return head + struct.pack("<IH", 500, 40) + inner + bytes(pad)


def sent(whole, pad, width, *, length, left):
    """What a server sends of a packet: no padding, its length 0 or as it was."""
    at = 5 + 2 * length
    field = whole[at : at + width] if left else bytes(width)
    head = whole[:at]
    if length and not left:
        head = head[:5] + struct.pack("<H", len(whole) - pad)
    return head + field + whole[at + width : len(whole) - pad]


bodies = st.binary(min_size=1, max_size=120).map(lambda body: body + b"\0" * (body[0] % 5))


@given(st.data())
def test_both_ways_of_cutting_padding_give_back_what_was_served(data):
    width = data.draw(st.sampled_from([1, 2, 4]))
    pad = data.draw(st.integers(1, 200))
    several = data.draw(st.booleans())
    length = data.draw(st.booleans())
    some = data.draw(st.lists(bodies, min_size=1, max_size=4 if several else 1))
    payloads = [
        payload(body, offset=data.draw(st.sampled_from([0, 0, 900])),
                length_size=2 if several else None, key=data.draw(st.booleans()))
        for body in some
    ]  # fmt: skip
    whole = packet(payloads, pad, width=width, length=length, several=several)
    for left in (False, True):
        found, state = make.mended(sent(whole, pad, width, length=length, left=left), len(whole))
        assert found == whole
        assert state == 1


@given(st.binary(min_size=1, max_size=100), st.integers(1, 60), st.integers(1, 200))
def test_a_fragment_whose_object_goes_on_keeps_its_bytes(body, pad, more):
    """Nothing says where it ends; declared padding must not reach into what is not zero."""
    body += b"\x01"
    whole = packet([payload(body, total=len(body) + more)], pad)
    for left in (False, True):
        found, _ = make.mended(sent(whole, pad, 2, length=False, left=left), len(whole))
        assert found == whole


@given(st.binary(min_size=20, max_size=200), st.integers(1, 300), st.integers(0, 400))
def test_declared_padding_never_reaches_into_bytes_that_are_not_zero(body, more, says):
    """Whatever the field says: bytes of a payload that came stay bytes of a payload."""
    body = bytes(byte or 1 for byte in body)
    whole = bytearray(packet([payload(body, total=10_000)], 0))
    whole[5:7] = struct.pack("<H", says)
    found, state = make.mended(bytes(whole), len(whole) + more)
    assert found[7 : len(whole)] == whole[7:]
    assert int.from_bytes(found[5:7], "little") <= more
    assert state == 1


def test_padding_length_left(tmp_path):
    cap = mmscodec.open(CASES / "padding-length-left.pcap")
    (made,) = cap.write_asf(0, tmp_path / "out.asf")
    assert made.complete
    assert SERVED.read_bytes().startswith(made.path.read_bytes())
    assert np.all(cap.sessions["partial"] == 0)
