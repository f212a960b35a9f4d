"""One frame for each link, tag, extension header and tunnel, all around the same segment."""

from __future__ import annotations

from typing import NamedTuple

from tests.capture import frames as f

PAYLOAD = b"what the layers above are for"


class Case(NamedTuple):
    linktype: int
    frame: bytes
    version: int = 4  # of the IP header that counts
    protocol: int = f.TCP


SEGMENT = f.tcp(PAYLOAD)
DATAGRAM = f.udp(PAYLOAD)
V4 = f.ipv4(SEGMENT)
V6 = f.ipv6(SEGMENT)
FRAME = f.ethernet(V4)
#: where the one behind the inner frame is always there
FCS = b"\xfc\xfc\xfc\xfc"
#: control words of pseudowires (RFC 4385): a sequence number, and nothing
CONTROL = b"\0\0\0\x05"


def made_by(maker: str, frame: bytes = FRAME) -> bytes:
    """A frame between two network cards of a company."""
    card = bytes.fromhex(maker)
    return card + b"\0\0\x01" + card + b"\0\0\x02" + frame[12:]


#: addresses of the outer datagram of a tunnel
OUTER = {"src": "203.0.113.1", "dst": "203.0.113.2"}
OUTER6 = {"src": "2001:db8:f::1", "dst": "2001:db8:f::2"}


def chained(*layers: int, last: int = f.TCP, inner: bytes = SEGMENT) -> bytes:
    """IPv6 with extension headers in the order given."""
    for number in reversed(layers):
        if number == 51:
            inner = f.authentication(inner, following=last)
        elif number == 44:
            inner = f.fragment_header(inner, following=last)
        else:
            inner = f.extension(inner, following=last, words=number == 43)
        last = number
    return f.ipv6(inner, protocol=last)


LINKS = {
    "ethernet": Case(1, FRAME),
    "ethernet-ipv6": Case(1, f.ethernet(V6), 6),
    "ethernet-udp": Case(1, f.ethernet(f.ipv4(DATAGRAM, protocol=17)), 4, 17),
    "ethernet-ipv6-udp": Case(1, f.ethernet(f.ipv6(DATAGRAM, protocol=17)), 6, 17),
    "vlan": Case(1, f.vlan(V4, 5)),
    "qinq": Case(1, f.vlan(V4, 5, 6)),
    "qinqinq": Case(1, f.vlan(V6, 5, 6, 7), 6),
    "802.1ad": Case(1, f.ethernet(f.tagged(f.tagged(V4, 9), 8, 0x8100), 0x88A8)),
    "9100": Case(1, f.vlan(V4, 5, 6, tpid=0x9100)),
    "802.1ah": Case(1, f.ethernet(f.be32(0x1234) + FRAME, 0x88E7)),
    "802.1BR": Case(1, f.ethernet(bytes(6) + f.be16(0x0800) + V4, 0x893F)),
    "vn-tag": Case(1, f.ethernet(bytes(4) + f.be16(0x0800) + V4, 0x8926)),
    "fabricpath": Case(1, f.ethernet(bytes(2) + FRAME + FCS, 0x8903)),
    "802.3-snap": Case(1, f.ethernet(f.snap(V4), len(f.snap(V4)), pad=4)),
    "802.3-llc": Case(1, f.ethernet(b"\x06\x06\x03" + V4, 3 + len(V4))),
    "mpls": Case(1, f.ethernet(f.mpls(V4, 100), 0x8847)),
    "mpls-stack": Case(1, f.ethernet(f.mpls(V6, 100, 200, 300), 0x8847), 6),
    "mpls-pseudowire": Case(1, f.ethernet(f.mpls(CONTROL + made_by("005056"), 100, 200), 0x8848)),
    "mpls-pseudowire-plain": Case(1, f.ethernet(f.mpls(made_by("005056"), 100, 200), 0x8847)),
    "mpls-pseudowire-plain-2": Case(1, f.ethernet(f.mpls(made_by("286ed4"), 100), 0x8847)),
    "mpls-pseudowire-plain-4": Case(1, f.ethernet(f.mpls(made_by("441ea1"), 100), 0x8847)),
    "mpls-pseudowire-plain-40": Case(1, f.ethernet(f.mpls(made_by("400000"), 100), 0x8847)),
    "mpls-pseudowire-plain-6": Case(1, f.ethernet(f.mpls(made_by("64006a"), 100), 0x8847)),
    "pppoe": Case(1, f.ethernet(f.pppoe(V4), 0x8864, pad=3)),
    "pppoe-vlan": Case(1, f.ethernet(f.tagged(f.pppoe(V6), 3, 0x8864), 0x8100), 6),
    "null-le": Case(0, b"\x02\0\0\0" + V4),
    "null-be": Case(0, b"\0\0\0\x02" + V4),
    "null-ipv6-24": Case(0, b"\x18\0\0\0" + V6, 6),
    "null-ipv6-28": Case(0, b"\0\0\0\x1c" + V6, 6),
    "null-ipv6-30": Case(0, b"\x1e\0\0\0" + V6, 6),
    "loop": Case(108, b"\0\0\0\x02" + V4),
    "loop-ipv6": Case(108, b"\0\0\0\x0a" + V6, 6),
    "raw-12": Case(12, V4),
    "raw-14": Case(14, V6, 6),
    "raw-101": Case(101, V4),
    "raw-101-ipv6": Case(101, V6, 6),
    "ipv4": Case(228, V4),
    "ipv6": Case(229, V6, 6),
    "cooked": Case(113, f.cooked(V4)),
    "cooked-vlan": Case(113, f.cooked(f.tagged(V6, 4), 0x8100), 6),
    "cooked-802.3": Case(113, f.cooked(f.snap(V4), 4)),
    "cooked-2": Case(276, f.cooked2(V4)),
    "cooked-2-ipv6": Case(276, f.cooked2(V6), 6),
    "ppp": Case(9, f.ppp(V4)),
    "ppp-framed": Case(9, b"\xff\x03" + f.ppp(V6), 6),
    "ppp-serial": Case(50, b"\xff\x03" + f.ppp(V4)),
    "ppp-compressed": Case(9, b"\x21" + V4),
    "ppp-mpls": Case(9, b"\x02\x81" + f.mpls(V4, 5)),
    "ppp-ether": Case(51, f.pppoe(V4)),
    "ppp-direction": Case(204, b"\x01\xff\x03" + f.ppp(V4)),
    "cisco-hdlc": Case(104, b"\x0f\0\x08\0" + V4),
    "cisco-hdlc-ipv6": Case(50, b"\x8f\0\x86\xdd" + V6, 6),
    "frame-handoff": Case(107, b"\x18\x41\x03\xcc" + V4),
    "frame-handoff-ipv6": Case(107, b"\x18\x41\x03\x8e" + V6, 6),
    "frame-handoff-snap": Case(107, b"\x18\x41\x03\0\x80\0\0\0\x08\0" + V4),
    "frame-handoff-cisco": Case(107, b"\x18\x41\x08\0" + V4),
    "atm-llc": Case(100, f.snap(V4)),
    "wifi": Case(105, f.wifi(V4, qos=False)),
    "wifi-qos": Case(105, f.wifi(V6), 6),
    "wifi-qos-ht": Case(105, f.wifi(V4, ht=True)),
    "wifi-four-addresses": Case(105, f.wifi(V4, four=True)),
    "wifi-aggregate": Case(105, f.aggregate(V4)),
    "wifi-aggregate-ht": Case(105, f.aggregate(V6, ht=True), 6),
    "wifi-aggregate-padded": Case(105, f.aggregate(V4, pad=True)),
    "radiotap": Case(127, f.radiotap(f.wifi(V4) + b"\xde\xad\xbe\xef")),
    "ppi": Case(192, b"\0\0\x08\0\x69\0\0\0" + f.wifi(V4)),
    "nflog": Case(239, b"\x02\0\0\0" + b"\x05\0\x0a\0a\0\0\0" + f.attribute(9, V4)),
    "nflog-ipv6": Case(239, b"\x0a\0\0\0" + f.attribute(9, V6), 6),
    "null-ppp": Case(0, b"\xff\x03" + f.ppp(V4)),
    "null-cisco-hdlc": Case(0, b"\x0f\0\x08\0" + V4),
    "juniper": Case(178, f.juniper(FRAME)),
    "juniper-plain": Case(178, f.juniper(FRAME, flags=1)),
    "juniper-no-ethernet": Case(178, f.juniper(bytes(4) + V6, flags=0x82), 6),
    "arcnet-1051": Case(129, b"\x01\x02\0\0\xf0" + V4),
    "arcnet-1201": Case(129, b"\x01\x02\0\0\xd4\0\0\x09" + V4),
    "arcnet-1201-ipv6": Case(129, b"\x01\x02\0\0\xc4\0\0\x09" + V6, 6),
    "arcnet-1201-stuffed": Case(129, b"\x01\x02\0\0\xd4\xff\xff\xff\xd4\0\0\x09" + V4),
    "arcnet-bsd": Case(7, b"\x01\x02\xd4\0\0\x09" + V4),
    "arcnet-bsd-1051": Case(7, b"\x01\x02\xf0" + V4),
    "nsh": Case(1, f.ethernet(f.nsh(V4, 1), 0x894F)),
    "nsh-ipv6": Case(1, f.ethernet(f.nsh(V6, 2, metadata=b""), 0x894F), 6),
    "nsh-ethernet": Case(1, f.ethernet(f.nsh(FRAME, 3), 0x894F)),
    "nsh-nsh-mpls": Case(1, f.ethernet(f.nsh(f.nsh(f.mpls(V4, 5), 5), 4), 0x894F)),
    "ppp-both-compressed": Case(50, b"\xff\x03\x57" + V6, 6),
    "ppp-direction-compressed": Case(204, b"\0\x21" + V4),
    "pppoe-compressed": Case(51, b"\x11\0\0\x07" + f.be16(1 + len(V4)) + b"\x21" + V4),
    "pppoe-mpls": Case(51, b"\x11\0\0\x07" + f.be16(6 + len(V4)) + b"\x02\x81" + f.mpls(V4, 5)),
    "cooked-mpls": Case(113, f.cooked(f.mpls(V4, 5), 0x8847)),
    "cooked-pppoe": Case(113, f.cooked(f.pppoe(V4), 0x8864)),
    "cooked-2-vlan-pppoe": Case(276, f.cooked2(f.tagged(f.pppoe(V6), 3, 0x8864), 0x8100), 6),
    "cisco-hdlc-mpls": Case(104, b"\x0f\0\x88\x47" + f.mpls(V4, 5)),
    "frame-handoff-mpls": Case(107, b"\x18\x41\x88\x47" + f.mpls(V4, 5)),
    "vlan-mpls-pseudowire-vlan": Case(
        1,
        f.ethernet(
            f.tagged(f.mpls(CONTROL + made_by("005056", f.vlan(V6, 9)), 100), 5, 0x8847), 0x8100
        ),
        6,
    ),
    "pktap": Case(258, b"\x6c\0\0\0\x01\0\0\0\x01\0\0\0" + bytes(96) + FRAME),
}

NETWORKS = {
    "ipv4-options": Case(1, f.ethernet(f.ipv4(SEGMENT, options=b"\x07\x27" + bytes(37)))),
    "tcp-options": Case(1, f.ethernet(f.ipv4(f.tcp(PAYLOAD, options=b"\x02\x04\x05\xb4")))),
    "ipv4-authentication": Case(
        1, f.ethernet(f.ipv4(f.authentication(SEGMENT, following=6), protocol=51))
    ),
    "hop-by-hop": Case(1, f.ethernet(chained(0)), 6),
    "routing": Case(1, f.ethernet(chained(43)), 6),
    "destination": Case(1, f.ethernet(chained(60)), 6),
    "authentication": Case(1, f.ethernet(chained(51)), 6),
    "atomic-fragment": Case(1, f.ethernet(chained(44)), 6),
    "all-extensions": Case(1, f.ethernet(chained(0, 60, 43, 44, 51, 60, 135)), 6),
    "extensions-backwards": Case(1, f.ethernet(chained(60, 51, 44, 43, 0)), 6),
    "extensions-udp": Case(1, f.ethernet(chained(0, 60, last=17, inner=DATAGRAM)), 6, 17),
}

TUNNELS = {
    "4in4": Case(1, f.ethernet(f.ipv4(V4, protocol=4, **OUTER))),
    "6in4": Case(1, f.ethernet(f.ipv4(V6, protocol=41, **OUTER)), 6),
    "4in6": Case(1, f.ethernet(f.ipv6(V4, protocol=4, **OUTER6))),
    "6in6": Case(1, f.ethernet(f.ipv6(V6, protocol=41, **OUTER6)), 6),
    "gre": Case(1, f.ethernet(f.ipv4(f.gre(V4), protocol=47, **OUTER))),
    "gre-in-ipv6": Case(1, f.ethernet(f.ipv6(f.gre(V6), protocol=47, **OUTER6)), 6),
    "gre-fields": Case(
        1,
        f.ethernet(f.ipv4(f.gre(V4, key=7, sequence=8, checksum=True), protocol=47, **OUTER)),
    ),
    "gre-routing": Case(
        1,
        f.ethernet(
            f.ipv4(
                f.gre(V4, routing=b"\x08\0\0\x04" + bytes(4) + bytes(4), sequence=1),
                protocol=47,
                **OUTER,
            )
        ),
    ),
    "gre-ethernet": Case(1, f.ethernet(f.ipv4(f.gre(FRAME, 0x6558), protocol=47, **OUTER))),
    "gre-mpls": Case(1, f.ethernet(f.ipv4(f.gre(f.mpls(V4, 3), 0x8847), protocol=47, **OUTER))),
    "gre-wccp": Case(1, f.ethernet(f.ipv4(f.gre(bytes(4) + V4, 0x883E), protocol=47, **OUTER))),
    "gre-key": Case(1, f.ethernet(f.ipv4(f.gre(V4, key=7), protocol=47, **OUTER))),
    "gre-checksum": Case(1, f.ethernet(f.ipv4(f.gre(V6, checksum=True), protocol=47, **OUTER)), 6),
    "gre-sequence": Case(1, f.ethernet(f.ipv4(f.gre(V4, sequence=7), protocol=47, **OUTER))),
    "gre-ppp": Case(1, f.ethernet(f.ipv4(f.gre(b"\xff\x03" + f.ppp(V4), 0x880B), protocol=47))),
    "gre-aruba": Case(1, f.ethernet(f.ipv4(f.gre(f.wifi(V4), 0x8240), protocol=47, **OUTER))),
    "gre-aruba-aggregate": Case(
        1, f.ethernet(f.ipv4(f.gre(f.aggregate(V6), 0x8200), protocol=47, **OUTER)), 6
    ),
    "gre-nsh": Case(1, f.ethernet(f.ipv4(f.gre(f.nsh(V4, 1), 0x894F), protocol=47, **OUTER))),
    "pptp-compressed": Case(
        1,
        f.ethernet(
            f.ipv4(
                b"\x30\x01\x88\x0b" + f.be16(1 + len(V4)) + bytes(6) + b"\x21" + V4,
                protocol=47,
                **OUTER,
            )
        ),
    ),
    "pptp": Case(1, f.ethernet(f.ipv4(f.pptp(V4), protocol=47, **OUTER))),
    "pptp-data-alone": Case(
        1, f.ethernet(f.ipv4(f.pptp(V4, acknowledge=False), protocol=47, **OUTER))
    ),
    "erspan-1": Case(1, f.ethernet(f.ipv4(f.gre(FRAME, 0x88BE), protocol=47, **OUTER))),
    "erspan-2": Case(1, f.ethernet(f.ipv4(f.erspan2(FRAME), protocol=47, **OUTER))),
    "erspan-3": Case(1, f.ethernet(f.ipv4(f.erspan3(FRAME), protocol=47, **OUTER))),
    "erspan-3-platform": Case(
        1, f.ethernet(f.ipv4(f.erspan3(FRAME, platform=True), protocol=47, **OUTER))
    ),
    "ether-ip": Case(1, f.ethernet(f.ipv4(b"\x30\0" + FRAME, protocol=97, **OUTER))),
    "mpls-in-ip": Case(1, f.ethernet(f.ipv4(f.mpls(V4, 3), protocol=137, **OUTER))),
}

UDP_TUNNELS = {
    "vxlan": (4789, f.vxlan(FRAME), 4),
    "vxlan-vlan": (4789, f.vxlan(f.vlan(V6, 5)), 6),
    "vxlan-reserved": (4789, f.vxlan(FRAME, reserved=0xF7FFFFFF000000FF), 4),
    "vxlan-gpe": (4790, f.vxlan_gpe(FRAME, 0), 4),
    "vxlan-gpe-ipv4": (4790, f.vxlan_gpe(V4, 1), 4),
    "vxlan-gpe-ipv6": (4790, f.vxlan_gpe(V6, 2), 6),
    "vxlan-gpe-ethernet": (4790, f.vxlan_gpe(FRAME, 3), 4),
    "vxlan-gpe-nsh": (4790, f.vxlan_gpe(f.nsh(V4, 1), 4), 4),
    "vxlan-gpe-mpls": (4790, f.vxlan_gpe(f.mpls(V6, 3), 5), 6),
    "lisp": (4341, f.lisp(V4), 4),
    "lisp-instance": (4341, f.lisp(V6, instance=9), 6),
    "ayiya": (5072, f.ayiya(V6), 6),
    "ayiya-ipv4": (5072, f.ayiya(V4, identity=0, signature=0), 4),
    "ayiya-large": (5072, f.ayiya(V6, identity=8, signature=15), 6),
    "geneve": (6081, f.geneve(FRAME), 4),
    "geneve-ip": (6081, f.geneve(V6, 0x86DD, options=bytes(8)), 6),
    "gtp": (2152, f.gtp(V4), 4),
    "gtp-extended": (2152, f.gtp(V6, extended=True), 6),
    "teredo": (3544, f.teredo(V6), 6),
    "teredo-authentication": (3544, f.teredo(V6, authentication=True), 6),
    "teredo-origin": (3544, f.teredo(V6, origin=True), 6),
    "teredo-indications": (3544, f.teredo(V6, authentication=True, origin=True), 6),
}

#: IPComp: cutting them leaves nothing to read
COMPRESSED = {
    "ipcomp": Case(1, f.ethernet(f.ipv4(f.ipcomp(SEGMENT, following=6), protocol=108))),
    "ipcomp-udp": Case(
        1, f.ethernet(f.ipv6(f.ipcomp(DATAGRAM, following=17), protocol=108)), 6, f.UDP
    ),
    "ipcomp-negotiated": Case(
        1, f.ethernet(f.ipv6(f.ipcomp(V6, following=41, index=0x635C), protocol=108, **OUTER6)), 6
    ),
    "ipcomp-stored": Case(
        1, f.ethernet(f.ipv4(f.ipcomp(V4, following=4, level=0), protocol=108, **OUTER))
    ),
    "ipcomp-authentication": Case(
        1,
        f.ethernet(
            f.ipv6(
                f.authentication(f.ipcomp(V6, following=41), following=108),
                protocol=51,
                **OUTER6,
            )
        ),
        6,
    ),
    "ipcomp-extension": Case(
        1,
        f.ethernet(f.ipv6(f.ipcomp(f.extension(SEGMENT, following=6), following=60), protocol=108)),
        6,
    ),
}


def over_udp(port: int, body: bytes) -> bytes:
    return f.ethernet(f.ipv4(f.udp(body, dst_port=port), protocol=17, **OUTER))


TUNNELS |= {
    name: Case(1, over_udp(port, body), version)
    for name, (port, body, version) in UDP_TUNNELS.items()
}

CASES = LINKS | NETWORKS | TUNNELS
