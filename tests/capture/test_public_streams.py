"""Contents of the TCP streams of public captures, against what other tools made of them."""

import hashlib
import re
import struct

import pytest

import mmscodec
from mmscodec.schema.faults import FaultCode
from tests.capture.shared import CAPTURES, needs_captures, oracle

AGGREGATE = "zeek/tunnels__gre-aruba-amsdu.pcap"
SHORT = "zeek/tunnels__gtp__gtp9_unknown_or_too_short_payload.pcap"
BAD_CHECKSUMS = "zeek/tcp__reassembly.pcap"
OVERLAP = "zeek/ipv4__fragmented-4.pcap"
FAST_OPEN = "suricata-verify/tcp-fastopen-10-syn-data-ignore__input.pcap"

#: (file, sender) -> why the stream is not what the oracle says; a test below proves each
EXCEPTIONS = {
    (
        OVERLAP,
        "128.32.46.142:7790",
    ): "fragments disagree: the first copy wins, not the first offset",
    (FAST_OPEN, "17.253.144.10:443"): "one tool alone, beginning with a SYN-ACK without an answer",
    (SHORT, "10.131.119.38:55746"): "disputed; a datagram shorter than it says is no datagram",
    (
        BAD_CHECKSUMS,
        "63.193.213.194:2564",
    ): "15 of 54 segments have a wrong checksum, as tshark says too: the good copies win",
}

STREAMS = [
    pytest.param(entry["file"], stream, direction, id=f"{entry['file']}-{stream['stream']}-{i}")
    for entry in oracle().values()
    for stream in entry.get("streams", ())
    for i, direction in enumerate(stream["dirs"])
]
_open = {}


def capture_of(name):
    """The capture, kept until another one is asked for."""
    if name not in _open:
        _open.clear()
        _open[name] = mmscodec.open(CAPTURES / name, protocols=None)
    return _open[name]


def endpoint(text):
    host, port = re.fullmatch(r"\[?(.*?)\]?:(\d+)", text).groups()
    return host, int(port)


def candidates(name, sender, receiver):
    """Every flow between two ends: (sha256, gaps) with gaps at the end left out."""
    capture = capture_of(name)
    flows = capture.flows
    (src, src_port), (dst, dst_port) = endpoint(sender), endpoint(receiver)
    rows = (
        (flows["src"] == src) & (flows["src_port"] == src_port) & (flows["dst"] == dst)
        & (flows["dst_port"] == dst_port) & (flows["transport"] == "tcp")
    ).nonzero()[0]  # fmt: skip
    for row in rows.tolist():
        gaps = [
            [int(gap["offset"]), int(gap["length"])]
            for gap in capture.gaps[capture.gaps["flow"] == row]
        ]
        content = bytes(capture.stream(row, max_missing=1 << 31))
        while gaps and sum(gaps[-1]) == len(content):
            content = content[: gaps.pop()[0]]
        yield hashlib.sha256(content).hexdigest(), gaps


def wanted_and_found(name, stream, direction):
    """The digest of the oracle, and those of our flows with their gaps."""
    other = stream["b"] if direction["src"] == stream["a"] else stream["a"]
    wanted = direction.get("first_sha256") or direction["sha256"]
    if name == AGGREGATE:  # disputed: only tshark follows all packets of a frame
        wanted = direction["tshark"]["sha256"]
    return wanted, dict(candidates(name, direction["src"], other))


def test_every_exception_is_a_direction_of_the_oracle():
    assert set(EXCEPTIONS) <= {(value.values[0], value.values[2]["src"]) for value in STREAMS} or (
        not STREAMS
    )


@needs_captures
@pytest.mark.parametrize(("name", "stream", "direction"), STREAMS)
def test_stream_holds_what_other_tools_found(name, stream, direction):
    wanted, found = wanted_and_found(name, stream, direction)
    if (name, direction["src"]) in EXCEPTIONS:
        # no agreement is asked for, but nothing may be made up: there is no more payload than there
        # were bytes on the wire, whatever the sequence numbers say
        payload = capture_of(name).flows["bytes"].sum(dtype="i8")
        assert payload <= oracle()[name]["libpcap"]["len_sum"]
        assert wanted not in found  # else it is to be taken off the list
        return
    assert wanted in found
    if direction["class"] in ("gaps", "one-sided"):
        listed = direction.get("gaps", [])  # at most the first 40
        assert len(listed) == 40 or len(listed) == len(found[wanted])
        assert found[wanted][: len(listed)] == listed
    elif direction["class"] == "exact":
        assert found[wanted] == []


def assembled(fragments):
    """Payload of a TCP segment from (offset, bytes); the first of them that has a byte wins."""
    content = {}
    for offset, data in fragments:
        for at, byte in enumerate(data, offset):
            content.setdefault(at, byte)
    return bytes(content[at] for at in sorted(content))[20:]


@needs_captures
def test_overlapping_fragments_are_what_the_policy_says():
    # The fourth of four fragments has other bytes for all of the second. Receivers differ: today
    # most drop the datagram. tshark sorts by offset; we keep what came first, and say so.
    raw = (CAPTURES / OVERLAP).read_bytes()
    at, fragments = 24, []
    while at < len(raw):
        (size,) = struct.unpack_from("<I", raw, at + 8)
        datagram = raw[at + 30 : at + 16 + size]
        total, _, flags = struct.unpack_from(">HHH", datagram, 2)
        if flags & 0x3FFF:
            fragments.append(((flags & 0x1FFF) * 8, datagram[20:total]))
        at += 16 + size
    assert [offset for offset, _ in fragments] == [0, 48, 72, 24]
    (direction,) = oracle()[OVERLAP]["streams"][0]["dirs"]
    theirs = assembled(sorted(fragments))
    assert hashlib.sha256(theirs).hexdigest() == direction["sha256"]
    capture = capture_of(OVERLAP)
    (row,) = (capture.flows["src_port"] == 7790).nonzero()[0].tolist()
    ours = bytes(capture.stream(row))
    assert ours == assembled(fragments)
    assert ours != theirs
    assert capture.faults["code"].tolist() == [FaultCode.FRAGMENT_DROPPED]


@needs_captures
def test_datagram_in_a_tunnel_that_is_shorter_than_it_says_is_a_gap():
    # Of 1,480 bytes 172 came through the tunnel: no receiver takes that. One computation of the
    # oracle has the 132 bytes of payload among them and a gap behind, one ends there; we have a
    # gap of the whole segment, and the same bytes around it.
    raw = (CAPTURES / SHORT).read_bytes()
    inner = raw.index(bytes.fromhex("450005c847ea"))
    piece = raw[inner + 40 : inner + 172]
    ((direction,),) = (stream["dirs"] for stream in oracle()[SHORT]["streams"])
    capture = capture_of(SHORT)
    (row,) = (capture.flows["src_port"] == 55746).nonzero()[0].tolist()
    (gap,) = capture.gaps
    assert (gap["flow"], gap["offset"], gap["length"]) == (row, 5760, 1440)
    content = bytearray(capture.stream(row))
    content[5760 : 5760 + len(piece)] = piece
    assert hashlib.sha256(content).hexdigest() == direction["sha256"]
    assert hashlib.sha256(content[: 5760 + len(piece)]).hexdigest() == direction["tshark"]["sha256"]
    (tunnel,) = (capture.flows["dst_port"] == 2152).nonzero()[0].tolist()
    assert raw[inner : inner + 172] in bytes(capture.stream(tunnel))


@needs_captures
def test_stream_begins_behind_the_syn_ack_that_was_acknowledged():
    # Two servers behind one address answer in turns, with two numbers. The client acknowledges
    # the second; tshark counts from the first and so begins with a gap of a gigabyte. Behind it
    # stands what we have.
    (stream,) = oracle()[FAST_OPEN]["streams"]
    server = next(d for d in stream["dirs"] if d["src"] == stream["b"])
    ((start, length),) = server["gaps"]
    assert (start, length) == (0, (97572840 - 3212050950) % 2**32)
    capture = capture_of(FAST_OPEN)
    (row,) = (capture.flows["src_port"] == 443).nonzero()[0].tolist()
    content = bytes(capture.stream(row))
    assert length + len(content) == server["bytes"]
    digest = hashlib.sha256()
    for _ in range(length >> 20):
        digest.update(bytes(1 << 20))
    digest.update(bytes(length & (1 << 20) - 1))
    digest.update(content)
    assert digest.hexdigest() == server["sha256"]


@needs_captures
@pytest.mark.parametrize("name", sorted(oracle()))
def test_every_public_capture_gives_tables(name):
    try:
        capture = mmscodec.open(CAPTURES / name, protocols=None)
    except mmscodec.errors.CaptureError:
        return
    flows = capture.flows
    assert (flows["length"] <= 1 << 40).all()
    counts = capture.counts
    assert counts["records"] - counts["other"] == counts["segments"] - (name == AGGREGATE)
    for table in (capture.packets, capture.messages, capture.data):
        assert len(table) == 0


@needs_captures
@pytest.mark.parametrize("name", sorted(n for n in oracle() if n.endswith((".gz", "ftp.pcap"))))
def test_streams_are_the_same_without_a_spool(name):
    spooled = mmscodec.open(CAPTURES / name, protocols=None)
    streamed = mmscodec.open(CAPTURES / name, protocols=None, spool=False)
    assert (spooled.flows == streamed.flows).all()
    for flow in range(len(spooled.flows)):
        assert spooled.stream(flow) == streamed.stream(flow)


def segments_sent_by(raw, address):
    """(sequence number, payload, whether the checksum is right) of TCP in Ethernet and IPv4."""
    at = 24
    while at < len(raw):
        (size,) = struct.unpack_from("<I", raw, at + 8)
        datagram = raw[at + 30 : at + 16 + size]
        at += 16 + size
        head = (datagram[0] & 15) * 4
        total = struct.unpack_from(">H", datagram, 2)[0]
        if datagram[9] != 6 or datagram[12:16] != address:
            continue
        tcp = datagram[head:total]
        words = datagram[12:20] + struct.pack(">HH", 6, len(tcp)) + tcp + b"\0" * (len(tcp) % 2)
        total = sum(struct.unpack(f">{len(words) // 2}H", words))
        payload = tcp[(tcp[12] >> 4) * 4 :]
        yield struct.unpack_from(">I", tcp, 4)[0], payload, total % 0xFFFF == 0


@needs_captures
def test_of_copies_that_differ_the_one_with_a_right_checksum_is_kept():
    # The other tools take the first copy, or the last, and do not ask the checksum.
    capture = capture_of(BAD_CHECKSUMS)
    (row,) = (capture.flows["src_port"] == 2564).nonzero()[0].tolist()
    sent = list(
        segments_sent_by((CAPTURES / BAD_CHECKSUMS).read_bytes(), bytes([63, 193, 213, 194]))
    )
    assert (len(sent), sum(not good for _, _, good in sent)) == (54, 15)
    content = {}
    for wanted in (True, False):
        for seq, payload, good in sent:
            if good == wanted:
                for place, byte in enumerate(payload, seq - sent[0][0] - 1):
                    content.setdefault(place, byte)
    ours = bytes(capture.stream(row))
    assert all(ours[place] == byte for place, byte in content.items())
    assert len(content) == capture.flows["length"][row] - sum(
        int(gap["length"]) for gap in capture.gaps if gap["flow"] == row
    )
    assert capture.counts["damaged"] == 3
