"""Wireshark's dissectors as a second opinion on the frames made by hand.

What they see behind the last header of each case must be the segment that we expect there.
"""

import shutil
import subprocess
from functools import cache

import pytest

from tests.capture import build
from tests.capture import frames as f
from tests.capture.network_cases import CASES, COMPRESSED, PAYLOAD

pytestmark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")

FIELDS = ["ip.src", "ipv6.src", "ip.dst", "ipv6.dst", "tcp.srcport", "udp.srcport", "tcp.seq_raw",
          "tcp.payload", "udp.payload"]  # fmt: skip

FRAMES = CASES | COMPRESSED

#: what Wireshark 4.0 does not do by itself: case -> why
NOT_THEIRS = {
    "mpls-pseudowire-plain-2": "a frame without a control word is looked for behind a 0 only",
    "mpls-pseudowire-plain-4": "taken for IPv4 by the first half byte, whatever the length says",
    "mpls-pseudowire-plain-40": "taken for IPv4 by the first half byte, whatever the length says",
    "mpls-pseudowire-plain-6": "taken for IPv6 by the first half byte, whatever the length says",
    "wifi-aggregate-padded": "padding that a driver put behind the header is not looked for",
    "loop-ipv6": "Linux's number for IPv6, which is in no BSD",
    "juniper-no-ethernet": "left as bytes; tcpdump reads it",
    "arcnet-1201-stuffed": "the stuffing of RFC 1201 is not taken off; tcpdump and Linux do",
    "all-extensions": "ends at the mobility header, which mostly has nothing behind it",
    "vxlan-gpe": "without the P bit the payload is Ethernet, as in VXLAN",
}


@cache
def dissected(linktype: int) -> dict[str, dict[str, list[str]]]:
    """The values of each field in each case of a link type, in wire order."""
    names = [name for name, case in FRAMES.items() if case.linktype == linktype]
    capture = build.pcap(
        [(i * 10**6, FRAMES[name].frame) for i, name in enumerate(names)], linktype=linktype
    )
    command = ["tshark", "-n", "-r", "-", "-T", "fields", "-E", "separator=|"]
    command += [word for field in FIELDS for word in ("-e", field)]
    done = subprocess.run(command, input=capture, capture_output=True, check=True, timeout=300)
    lines = done.stdout.decode().splitlines()
    return {
        name: {field: cell.split(",") for field, cell in zip(FIELDS, line.split("|")) if cell}
        for name, line in zip(names, lines, strict=True)
    }


@pytest.mark.parametrize("name", FRAMES)
def test_wireshark_sees_the_same_segment(name):
    case = FRAMES[name]
    seen = dissected(case.linktype)[name]
    four, tcp = case.version == 4, case.protocol == f.TCP
    wanted = {
        "ip.src" if four else "ipv6.src": f.CLIENT if four else f.CLIENT6,
        "ip.dst" if four else "ipv6.dst": f.SERVER if four else f.SERVER6,
        "tcp.srcport" if tcp else "udp.srcport": "1024",
        "tcp.payload" if tcp else "udp.payload": PAYLOAD.hex(),
    }
    agree = all(seen.get(field, [""])[-1] == value for field, value in wanted.items())
    assert agree == (name not in NOT_THEIRS), seen
