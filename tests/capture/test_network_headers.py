"""Each link, extension header and tunnel, whole and cut at every byte."""

import pytest

from mmscodec.schema.faults import FaultCode
from tests.bindings.network import Network, NetworkFault, Segment
from tests.capture import frames as f
from tests.capture.network_cases import (
    CASES,
    FRAME,
    OUTER,
    PAYLOAD,
    SEGMENT,
    TUNNELS,
    UDP_TUNNELS,
    V4,
    V6,
    Case,
)

#: what tunnels over UDP are recognised by
PORTS = sorted({port for port, _, _ in UDP_TUNNELS.values()})


def decode(case: Case, frame: bytes | None = None, **options):
    frame = case.frame if frame is None else frame
    return Network().decode(frame, linktype=case.linktype, **options)


def expected(case: Case, scope: int) -> Segment:
    four = case.version == 4
    tcp = case.protocol == f.TCP
    return Segment(
        src=f.mapped(f.CLIENT if four else f.CLIENT6),
        dst=f.mapped(f.SERVER if four else f.SERVER6),
        src_port=1024,
        dst_port=1755,
        protocol=case.protocol,
        tcp_flags=f.ACK | f.PSH if tcp else 0,
        window=8760 if tcp else 0,
        seq=1000 if tcp else 0,
        ack=2000 if tcp else 0,
        scope=scope,
        wire_len=len(PAYLOAD),
        payload=PAYLOAD,
    )


@pytest.mark.parametrize("name", CASES)
def test_segment_is_found_behind_every_header(name):
    segment = decode(CASES[name])
    assert isinstance(segment, Segment), segment
    assert segment == expected(CASES[name], segment.scope)


@pytest.mark.parametrize("name", CASES)
def test_padding_and_checksums_behind_the_datagram_are_no_payload(name):
    # a pad after Ethernet, a frame check sequence after the others
    case = CASES[name]
    segment = decode(case, case.frame + b"\xee" * 6)
    assert segment == expected(case, segment.scope)


@pytest.mark.parametrize("name", CASES)
def test_frame_cut_by_the_snap_length_gives_a_shorter_payload_or_says_snapped(name):
    case = CASES[name]
    whole = decode(case)
    header = case.frame.index(PAYLOAD)
    udp_tunnel = name in UDP_TUNNELS
    for size in range(len(case.frame)):
        result = decode(case, case.frame[:size], wire_len=len(case.frame))
        if size >= header:
            payload = PAYLOAD[: size - header]
            assert result == whole._replace(payload=payload), size
        elif isinstance(result, Segment):
            # TCP options cut off, or an outer datagram whose tunnel header is not whole
            if udp_tunnel and result.dst_port in PORTS:
                assert result.protocol == f.UDP
                assert len(result.payload) < result.wire_len
            else:
                assert result == whole._replace(payload=b"")
        elif result is not None:
            assert result.code == FaultCode.SNAPPED, (size, result)
            assert result.offset + result.have == size
            assert result.need > result.have
        else:
            assert size < header - 40, size  # what is left does not even look like IP


@pytest.mark.parametrize("name", CASES)
def test_frame_that_ends_early_on_the_wire_never_invents_payload(name):
    case = CASES[name]
    for size in range(len(case.frame)):
        result = decode(case, case.frame[:size])
        if isinstance(result, Segment):
            assert result.payload in case.frame[:size]
        elif isinstance(result, NetworkFault):
            assert result.code in (FaultCode.SNAPPED, FaultCode.BAD_NETWORK_HEADER)
            assert 0 <= result.offset <= size


@pytest.mark.parametrize("name", TUNNELS)
def test_tunnels_nest_up_to_the_limit(name):
    case = TUNNELS[name]
    for depth in range(4):
        frame = case.frame
        datagram = frame[14:]
        for _ in range(depth):
            protocol = 41 if datagram[0] >> 4 == 6 else 4
            datagram = f.ipv4(datagram, protocol=protocol, **OUTER)
        segment = decode(case, f.ethernet(datagram))
        assert segment == expected(case, segment.scope)
    datagram = f.ipv4(datagram, protocol=4, **OUTER)
    fault = decode(case, f.ethernet(datagram))
    assert fault.code == FaultCode.TUNNEL_DEPTH
    deeper = Network(max_depth=5).decode(f.ethernet(datagram))
    assert deeper == expected(case, deeper.scope)


def test_frame_without_ip_is_nothing():
    assert Network().decode(f.ethernet(bytes(28), 0x0806)) is None
    assert Network().decode(FRAME, linktype=147) is None
    assert Network().decode(f.ethernet(f.ipv4(bytes(8), protocol=1))) is None
    assert Network().decode(f.ethernet(f.ipv6(b"", protocol=59))) is None
    assert Network().decode(f.ethernet(f.ipv4(bytes(32), protocol=50))) is None  # encrypted


def test_vlan_priority_tag_is_no_network_of_its_own():
    assert Network().decode(f.vlan(V4, 0)).scope == 0


def test_scope_tells_vlans_and_virtual_networks_apart():
    frames = [FRAME]
    frames += [f.vlan(V4, number) for number in range(1, 4095)]
    frames += [f.vlan(V4, outer, inner) for outer in range(1, 60) for inner in range(1, 60)]
    for number in range(1, 500):
        frames.append(f.ethernet(f.ipv4(f.gre(V4, key=number), protocol=47)))
        for port, body in (
            (4789, f.vxlan(FRAME, number)),
            (6081, f.geneve(FRAME, vni=number)),
        ):
            frames.append(f.ethernet(f.ipv4(f.udp(body, dst_port=port), protocol=17)))
    scopes = [Network().decode(frame).scope for frame in frames]
    assert len(set(scopes)) == len(scopes)
    assert scopes[0] == 0
    assert scopes[7] == 7  # a single VLAN id is readable


def test_scope_ignores_what_differs_between_the_directions():
    labels = [f.ethernet(f.mpls(V4, label), 0x8847) for label in (16, 17)]
    tunnels = [over(body) for body in (f.gtp(V4, 1), f.gtp(V4, 2))]
    calls = [f.ethernet(f.ipv4(f.pptp(V4, call), protocol=47)) for call in (1, 2)]
    flows = [
        f.ethernet(f.ipv4(f.gre(FRAME, 0x6558, key=0x123456 << 8 | flow), protocol=47))
        for flow in (1, 2)
    ]
    for pair in (labels, tunnels, calls, flows):
        first, second = (Network().decode(frame) for frame in pair)
        assert first == second
        assert first.payload == PAYLOAD


def over(body: bytes) -> bytes:
    return f.ethernet(f.ipv4(f.udp(body, dst_port=2152), protocol=17, **OUTER))


def test_vlan_ids_can_be_left_out_of_the_scope():
    network = Network(ignore_vlan=True)
    assert network.decode(f.vlan(V4, 5)) == network.decode(FRAME)


@pytest.mark.parametrize("port", PORTS)
def test_datagram_on_a_tunnel_port_that_is_no_tunnel_stays_a_datagram(port):
    bodies = [b"", b"\0", bytes(8), bytes(60), b"\x08" + bytes(80), b"\x30\xff" + bytes(80)]
    bodies += [b"\x08\0\0\0\0\0\x01\0" + FRAME[:12] + b"\x08\0" + bytes(40)]  # IP version 0
    bodies += [f.vxlan(FRAME)[:60], f.gtp(V4)[:40], f.geneve(FRAME)[:70], b"\x60" + bytes(50)]
    for body in bodies:
        for ports in ({"src_port": port, "dst_port": 1755}, {"dst_port": port}):
            datagram = f.udp(body, **ports)
            segment = Network().decode(f.ethernet(f.ipv4(datagram, protocol=17)))
            assert segment.payload == body
            assert segment.protocol == f.UDP
            assert segment.scope == 0
            assert segment.src == f.mapped(f.CLIENT)


@pytest.mark.parametrize(
    ("port", "right", "wrong"),
    [
        (4341, f.lisp(V4), f.lisp(V4 + b"x")),
        (4341, f.lisp(V6), f.lisp(V6 + b"x")),
        (4341, f.lisp(V4), b"\x01" + f.lisp(V4)[1:]),  # encrypted
        (4790, f.vxlan_gpe(V4, 1), f.vxlan_gpe(V4 + b"x", 1)),
        (4790, f.vxlan_gpe(V4, 1), f.vxlan_gpe(V4, 128)),
        (4790, f.vxlan_gpe(FRAME, 0), b"\x00" + f.vxlan_gpe(FRAME, 0)[1:]),  # no network
        (4790, f.vxlan_gpe(FRAME, 3), b"\x1c" + f.vxlan_gpe(FRAME, 3)[1:]),  # version 1
        (4790, f.vxlan_gpe(FRAME, 3), b"\x0d" + f.vxlan_gpe(FRAME, 3)[1:]),  # operations
        (4789, f.vxlan(FRAME), b"\xf7" + f.vxlan(FRAME)[1:]),
        (5072, f.ayiya(V6), f.ayiya(V6 + b"x")),
        (5072, f.ayiya(V6), f.ayiya(V6)[:2] + b"\x10" + f.ayiya(V6)[3:]),  # a heartbeat
        (5072, f.ayiya(V6), f.ayiya(V6)[:3] + b"\x3b" + f.ayiya(V6)[4:]),
        (5072, f.ayiya(V6, identity=15), f.ayiya(V6, identity=15)[:20000]),
        (3544, f.teredo(V6), f.teredo(V4)),
    ],
)
def test_tunnel_over_udp_that_contradicts_itself_stays_a_datagram(port, right, wrong):
    def decoded(body):
        return Network().decode(f.ethernet(f.ipv4(f.udp(body, dst_port=port), protocol=17)))

    assert decoded(right).payload == PAYLOAD
    assert decoded(wrong).payload == wrong


def test_instance_of_a_lisp_tunnel_is_a_network_of_its_own():
    scopes = {decode(CASES["lisp"]).scope}
    for instance in range(99):
        body = f.lisp(V4, instance=instance)
        frame = f.ethernet(f.ipv4(f.udp(body, dst_port=4341), protocol=17))
        scopes.add(Network().decode(frame).scope)
    assert len(scopes) == 100
    assert 0 in scopes


def test_datagram_on_any_other_port_is_no_tunnel():
    body = f.vxlan(FRAME)
    ports = [port for port in range(65536) if port not in PORTS]
    network = Network()
    for port in ports[::7] + [port + 64 * i for port in PORTS for i in (-2, -1, 1, 2)]:
        frame = f.ethernet(f.ipv4(f.udp(body, src_port=1755, dst_port=port), protocol=17))
        assert network.decode(frame).payload == body


@pytest.mark.parametrize(
    ("linktype", "frame"),
    [
        (178, b"MGD" + f.juniper(FRAME)[3:]),
        (1, f.ethernet(b"\x0f\xc1" + f.nsh(V4, 1)[2:], 0x894F)),
    ],
)
def test_link_header_that_cannot_be_is_a_fault(linktype, frame):
    assert Network().decode(frame, linktype=linktype).code == FaultCode.BAD_NETWORK_HEADER


@pytest.mark.parametrize(
    ("linktype", "frame"),
    [
        (1, f.ethernet(b"\x4f" + f.nsh(V4, 1)[1:], 0x894F)),  # version 1
        (1, f.ethernet(f.nsh(V4, 6), 0x894F)),
        (129, b"\x01\x02\0\0\xd5" + bytes(40)),  # ARP
        (129, b"\x01\x02\0\0\xd4\x03\0\x09" + V4),  # a first piece
        (129, b"\x01\x02\0\0\xd4\x02\0\x09" + V4),  # a later one
    ],
)
def test_link_header_before_something_else_is_nothing(linktype, frame):
    assert Network().decode(frame, linktype=linktype) is None


@pytest.mark.parametrize("extra", range(5))
def test_ip_behind_labels_is_no_ethernet_frame_whatever_its_addresses_are(extra):
    # bytes 12 and 13 could be an Ethernet type; Ethernet pads and adds a checksum
    four = f.ipv4(SEGMENT, src="8.0.69.1") + bytes(extra)
    six = f.ipv6(SEGMENT, src="2001:db8:800:4500::1") + bytes(extra)
    for datagram in (four, six):
        segment = Network().decode(f.ethernet(f.mpls(datagram, 16), 0x8847))
        assert segment.payload == PAYLOAD


def test_ipv4_length_zero_means_not_yet_cut_into_segments():
    payload = bytes(range(256)) * 300  # more than an IPv4 length can say
    segment = Network().decode(f.ethernet(f.ipv4(f.tcp(payload), total=0)))
    assert segment.payload == payload
    segment = Network().decode(f.ethernet(f.ipv6(f.tcp(payload), length=0)))
    assert segment.payload == payload


def test_uncut_datagram_cannot_claim_gigabytes():
    for datagram in (f.ipv4(f.tcp(PAYLOAD), total=0), f.ipv6(f.tcp(PAYLOAD), length=0)):
        fault = Network().decode(f.ethernet(datagram), wire_len=2**32 - 1)
        assert fault.code == FaultCode.BAD_NETWORK_HEADER
        segment = Network().decode(f.ethernet(datagram), wire_len=100_000)
        assert segment.payload == PAYLOAD
        assert 90_000 < segment.wire_len < 100_000


def test_jumbogram_has_its_length_in_the_hop_by_hop_header():
    payload = bytes(70000)
    inner = f.tcp(payload)
    option = b"\xc2\x04" + f.be32(8 + len(inner))
    datagram = f.ipv6(f.extension(inner, following=6, body=option), protocol=0, length=0)
    segment = Network().decode(f.ethernet(datagram, pad=9))
    assert segment.payload == payload
    for lie in (0, 65535, len(inner) + 9 + 9, 2**32 - 1):
        option = b"\xc2\x04" + f.be32(lie)
        datagram = f.ipv6(f.extension(inner, following=6, body=option), protocol=0, length=0)
        fault = Network().decode(f.ethernet(datagram))
        assert fault.code == FaultCode.BAD_NETWORK_HEADER


def test_frame_stored_with_the_length_it_was_cut_to_is_a_cut_frame():
    # some tools write the captured length as the original one; the IP header knows better
    segment = Network().decode(FRAME[:-5])
    assert segment.payload == PAYLOAD[:-5]
    assert segment.wire_len == len(PAYLOAD)


def test_inner_datagram_longer_than_the_outer_is_malformed():
    inner = f.ipv4(f.tcp(PAYLOAD), total=1400)
    fault = Network().decode(f.ethernet(f.ipv4(inner, protocol=4, **OUTER)))
    assert (fault.code, fault.offset) == (FaultCode.BAD_NETWORK_HEADER, 34)


@pytest.mark.parametrize(
    ("datagram", "offset"),
    [
        (b"\x55" + V4[1:], 14),  # version
        (b"\x44" + V4[1:], 14),  # header shorter than the fixed part
        (f.ipv4(f.tcp(), total=19), 14),  # datagram shorter than its header
        (f.ipv4(f.tcp(), total=39), 34),  # no room for TCP
        (f.ipv4(f.tcp()[:12] + b"\x40" + f.tcp()[13:]), 34),  # data offset 4
        (f.ipv4(f.tcp()[:12] + b"\xf0" + f.tcp()[13:]), 34),  # options past the end
        (f.ipv4(f.udp(length=7), protocol=17), 34),
        (f.ipv4(f.udp(length=9), protocol=17), 34),
        (f.ipv4(b"\0\0\x08\0", protocol=47), 38),  # GRE with nothing inside
    ],
)
def test_contradicting_lengths_are_faults_where_they_stand(datagram, offset):
    fault = Network().decode(f.ethernet(datagram, 0x0800))
    assert fault.code == FaultCode.BAD_NETWORK_HEADER
    assert fault.offset == offset


def test_udp_length_zero_means_all_and_a_shorter_one_is_obeyed():
    for length, payload in ((0, PAYLOAD), (12, PAYLOAD[:4])):
        datagram = f.ipv4(f.udp(PAYLOAD, length=length), protocol=17)
        assert Network().decode(f.ethernet(datagram)).payload == payload


def test_chain_of_extension_headers_is_limited():
    for count in (16, 256, 257, 2000):
        inner, last = f.tcp(PAYLOAD), f.TCP
        for _ in range(count):
            inner, last = f.extension(inner, following=last), 60
        result = Network().decode(f.ethernet(f.ipv6(inner, protocol=last)))
        assert isinstance(result, Segment) == (count <= 256)
    assert result.code == FaultCode.BAD_NETWORK_HEADER


def test_captured_length_over_the_length_on_the_wire_is_believed():
    assert Network().decode(FRAME, wire_len=10).payload == PAYLOAD


def test_fault_says_where_in_the_source_it_lies():
    fault = Network().decode(FRAME[:30], wire_len=99, position=10**12)
    assert fault.offset == 10**12 + 14
    assert (fault.length, fault.need, fault.have) == (16, 20, 16)
