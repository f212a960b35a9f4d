"""Links and headers that no other test has: each is decoded, or refused by name."""

import struct

import pytest

from mmscodec.schema.faults import FaultCode
from tests.bindings.network import Network, NetworkFault, Segment
from tests.capture import frames as f

PAYLOAD = b"what was sent"
TCP = f.tcp(PAYLOAD)
V4 = f.ipv4(TCP)
FRAME = f.ethernet(V4)
BRIDGED = b"\0\x80\xc2"  # the organisation of IEEE 802.1, whose SNAP types name whole frames


def decode(frame, linktype=1, **options):
    return Network(**options).decode(frame, linktype=linktype)


def padded(frame):
    return f.ethernet(frame, len(frame))


@pytest.mark.parametrize("kind", [1, 7])
def test_a_whole_frame_behind_a_snap_header_is_read(kind):
    frame = padded(b"\xaa\xaa\x03" + BRIDGED + f.be16(kind) + bytes(2) + FRAME)
    assert decode(frame) == decode(FRAME)


@pytest.mark.parametrize("kind", [0, 2, 8])
def test_other_bridged_media_are_not_taken_for_ethernet(kind):
    frame = b"\xaa\xaa\x03" + BRIDGED + f.be16(kind) + bytes(2) + FRAME
    assert decode(padded(frame)) is None


@pytest.mark.parametrize(("kind", "found"), [(1, True), (7, True), (2, False)])
def test_a_whole_frame_behind_the_snap_bytes_of_frame_relay_is_read(kind, found):
    segment = decode(b"\x18\x41\x03\0\x80" + BRIDGED + f.be16(kind) + FRAME, 107)
    assert segment == (decode(FRAME) if found else None)


@pytest.mark.parametrize(
    "inner",
    [
        pytest.param(f.ethernet(f.be32(0x1234) + FRAME, 0x88E7), id="802.1ah"),
        pytest.param(f.ethernet(f.pppoe(V4), 0x8864), id="pppoe"),
        pytest.param(f.vlan(V4, 5), id="vlan"),
    ],
)
def test_tags_say_nothing_about_the_flow_when_they_are_ignored(inner):
    assert decode(inner).scope != 0
    assert decode(inner, ignore_vlan=True) == decode(FRAME)


@pytest.mark.parametrize("hardware", [824, 803])
def test_cooked_frames_of_netlink_and_radiotap_are_no_packets(hardware):
    frame = f.cooked(V4)
    assert isinstance(decode(frame, 113), Segment)
    assert decode(frame[:2] + f.be16(hardware) + frame[4:], 113) is None


def test_wireless_frames_without_a_body_are_no_packets():
    frame = f.wifi(V4, qos=False)
    assert isinstance(decode(frame, 105), Segment)
    for control in (0x48, 0x68, 0xC8):  # data without a body, with its relatives
        assert decode(bytes([control]) + frame[1:], 105) is None
    for control in (0x00, 0x80, 0x04):  # management, beacon, control
        assert decode(bytes([control]) + frame[1:], 105) is None
    assert decode(frame[:1] + bytes([frame[1] | 0x40]) + frame[2:], 105) is None


def erspan(frame, kind):
    """Type III with the frame type `kind`, inside GRE with its sequence number."""
    head = bytearray(f.erspan3(frame))
    head[8 + 10] = kind << 2
    return f.ethernet(f.ipv4(bytes(head), protocol=47))


def test_erspan_says_what_its_frame_is():
    inner = decode(erspan(FRAME, 0))
    assert inner.payload == PAYLOAD
    assert decode(erspan(V4, 2))._replace(scope=0) == inner._replace(scope=0)
    assert decode(erspan(FRAME, 3)) is None


@pytest.mark.parametrize("count", [255, 256, 257, 300])
@pytest.mark.parametrize("last", ["destination", "fragment"])
def test_a_list_of_extension_headers_has_an_end(count, last):
    # the last one may be the header of an atomic fragment, which counts as well
    inner = TCP
    following = f.TCP
    if last == "fragment":
        inner, following = f.fragment_header(TCP, following=f.TCP, offset=0, more=False), 44
        count -= 1
    for _ in range(count):
        inner, following = f.extension(inner, following=following), 60
    found = decode(f.ethernet(f.ipv6(inner, protocol=following)))
    if count + (last == "fragment") <= 256:
        assert found.payload == PAYLOAD
    else:
        assert isinstance(found, NetworkFault)
        assert found.code == FaultCode.BAD_NETWORK_HEADER
        assert found.need == 256


@pytest.mark.parametrize(
    ("option", "good"),
    [
        (b"\xc2\x04" + f.be32(70000), True),
        (b"\xc2\x03" + bytes(3) + b"\0", False),  # not that option: it has another length
        (b"\x01\x02" + bytes(2) + b"\xc2\x04", False),  # cut off by the header's end
        (bytes(6), False),
        (b"\x05\x40" + bytes(4), False),  # longer than the header
    ],
)
def test_a_jumbogram_has_the_length_of_its_option(option, good):
    body = f.tcp(bytes(70000 - 8 - 20))
    head = bytes([6, 0]) + option
    frame = f.ethernet(f.ipv6(head + body, protocol=0, length=0))
    found = decode(frame + b"pad")
    assert isinstance(found, Segment)
    assert found.wire_len == 70000 - 28 + (0 if good else 3)


@pytest.mark.parametrize("total", [0, 65535, 80000, 0xFFFFFFFF])
def test_a_jumbogram_that_is_none_is_refused(total):
    head = bytes([6, 0]) + b"\xc2\x04" + struct.pack(">I", total)
    found = decode(f.ethernet(f.ipv6(head + f.tcp(bytes(70000)), protocol=0, length=0)))
    assert isinstance(found, NetworkFault)
    assert found.need == total


@pytest.mark.parametrize("method", [1, 3, 4, 255])
def test_packets_squeezed_by_other_methods_are_left_alone(method):
    squeezed = f.ipcomp(TCP, following=f.TCP)
    assert decode(f.ethernet(f.ipv4(squeezed, protocol=108))).payload == PAYLOAD
    other = squeezed[:2] + f.be16(method) + squeezed[4:]
    assert decode(f.ethernet(f.ipv4(other, protocol=108))) is None
