"""Connections that end early, or answer in other words than most: what is said of each."""

import pytest

import mmscodec
from mmscodec import mms
from tests.capture import frames as f
from tests.capture.test_not_understood import capture_of, connection, forms
from tests.mms.streams import data


def reasons(frames, tmp_path):
    return [str(row["reason"]) for row in forms(capture_of(frames), tmp_path)]


WORDS = [b"User-Agent: NSPlayer/9.0", b"Content-Type: application/x-mms-framed",
         b"Content-Type: application/vnd.ms.wms-hdr.asfv1", b"Pragma: xPlayStrm=1",
         b"Server: Cougar/9.6", b"Server: WMServer/9.1", b"User-Agent: NSServer/9.1",
         b"User-Agent: WMFSDK/11.0"]  # fmt: skip


@pytest.mark.parametrize("word", WORDS)
def test_each_word_of_windows_media_over_http_is_known(word, tmp_path):
    answer = b"HTTP/1.0 200 OK\r\n" + word + b"\r\n\r\n"
    request = b"GET / HTTP/1.0\r\n\r\n"
    assert reasons(connection(request, answer, port=8000), tmp_path) == ["HTTP"]
    # the same without its last letter is some other server
    other = b"HTTP/1.0 200 OK\r\nx-other: " + word[-9:-1] + b"\r\n\r\n"
    assert reasons(connection(request, other, port=8000), tmp_path) == []


@pytest.mark.parametrize("size", range(1, 8))
def test_an_answer_of_a_few_bytes_is_neither_http_nor_rtsp(size, tmp_path):
    assert reasons(connection(b"x" * 20, b"HTTP/1."[:size], port=80), tmp_path) == []
    assert reasons(connection(b"RTSP/1."[:size], b"x" * 20, port=1755), tmp_path) == ["not MMS"]


FUNNELS = {
    r"\\192.0.2.10\UDP\1037": 1037,
    r"\\192.0.2.10\udp\65535": 65535,
    r"\\192.0.2.10\UDP\65536": None,
    r"\\192.0.2.10\UDP\0": None,
    r"\\192.0.2.10\UDP" + "\\": None,
    r"\\192.0.2.10\UDP\99999999999": None,
    r"\\192.0.2.10\UDP\1037x": 1037,
    r"\\192.0.2.10\UDP\1037\1": 1037,
    r"\\192.0.2.10\TCP\1037": None,
    r"\\192.0.2.10\UD" + "\u0150" + r"\1037": None,
    r"\\192.0.2.10\UDP\:": None,
    r"\\192.0.2.10\UDP\/": None,
}


@pytest.mark.parametrize("funnel", FUNNELS)
def test_datagrams_go_to_the_port_that_a_funnel_names(funnel):
    port = FUNNELS[funnel]
    message = mms.encode("LinkViewerToMacConnectFunnel", funnel_name=funnel)
    control = connection(message, b"")
    client = port or 1037
    packets = [
        f.ethernet(f.ipv4(f.udp(data(i, 4, 0, bytes(300 + i)), src_port=1755 + 9, dst_port=client),
                          protocol=17, src=f.SERVER, dst=f.CLIENT))
        for i in range(2)
    ]  # fmt: skip
    with mmscodec.open(capture_of(control + packets)) as capture:
        assert len(capture.messages) == 1
        assert len(capture.data) == (2 if port else 0)


def test_two_syns_with_one_answer_have_other_numbers_on_the_way():
    # something on the way changes the client's sequence numbers: both SYNs are of one connection
    client = {"src_port": 40000, "dst_port": 1755}
    server = {"src_port": 1755, "dst_port": 40000}
    down = {"src": f.SERVER, "dst": f.CLIENT}
    body = data(0, 4, 0, bytes(200))
    frames = [
        f.ipv4(f.tcp(seq=100, ack=0, flags=f.SYN, **client)),
        f.ipv4(f.tcp(seq=900, ack=101, flags=f.SYN | f.ACK, **server), **down),
        f.ipv4(f.tcp(seq=7000, ack=0, flags=f.SYN, **client)),
        f.ipv4(f.tcp(seq=900, ack=7001, flags=f.SYN | f.ACK, **server), **down),
        f.ipv4(f.tcp(seq=7001, ack=901, flags=f.ACK, **client)),
        f.ipv4(f.tcp(seq=7000, ack=0, flags=f.SYN, **client)),
        f.ipv4(f.tcp(body, seq=901, ack=7001, flags=f.ACK, **server), **down),
        f.ipv4(f.tcp(b"", seq=7001, ack=901 + len(body), flags=f.ACK, **client)),
        f.ipv4(f.tcp(body, seq=901 + len(body), ack=7001, flags=f.ACK, **server), **down),
    ]
    items = [f.ethernet(frame) for frame in frames]
    with mmscodec.open(capture_of(items), protocols=None) as capture:
        flows = capture.flows
        sides = [bytes(capture.stream(i)) for i in range(len(flows))]
    assert sides.count(body + body) == 1


def many_ports(count, address, start=1):
    """One message after the other, each naming another UDP port of a client."""
    first = mms.encode("LinkViewerToMacConnectFunnel", funnel_name=rf"\\{address}\UDP\65535")
    before, digits, behind = first.partition("65535".encode("utf-16-le"))
    assert digits
    return b"".join(
        before + f"{port:05}".encode("utf-16-le") + behind for port in range(start, start + count)
    )


def sender(stream, address, seq):
    """Frames of a client that sends a stream."""
    ends = {"src": address, "dst": f.SERVER}
    tcp = {"src_port": 40000, "dst_port": 1755}
    out = [f.ipv4(f.tcp(seq=seq - 1, ack=0, flags=f.SYN, **tcp), **ends)]
    for at in range(0, len(stream), 60000):
        part = stream[at : at + 60000]
        out.append(f.ipv4(f.tcp(part, seq=seq + at, ack=1, flags=f.ACK, **tcp), **ends))
    return [f.ethernet(datagram) for datagram in out]


def received(address, port):
    packet = f.udp(data(7, 4, 0, bytes(300)), src_port=1764, dst_port=port)
    return f.ethernet(f.ipv4(packet, protocol=17, src=f.SERVER, dst=address))


def test_of_too_many_announced_ports_the_oldest_are_forgotten():
    one, other = "192.0.2.10", "192.0.2.11"
    frames = sender(many_ports(65535, one), one, 5)
    known = [received(one, port) for port in (1, 999, 65535)]
    frames += known + sender(many_ports(20, other), other, 5)
    gone = [received(one, port) for port in (2, 998, 65534)]
    frames += gone + [received(other, port) for port in (2, 20)]
    with mmscodec.open(capture_of(frames)) as capture:
        assert len(capture.messages) == 65555
        # the first port of the second client is the last one there was room for
        assert len(capture.data) == 3 + 2
