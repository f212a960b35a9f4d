"""Where connections begin and end: handshakes answered twice, ports used again, resets."""

import pytest

import mmscodec
from tests.capture import build
from tests.capture import frames as f

FIN, SYN, RST, ACK = f.FIN, f.SYN, f.RST, f.ACK
CLIENT = {"src": f.CLIENT, "dst": f.SERVER}
SERVER = {"src": f.SERVER, "dst": f.CLIENT}


def segment(ends, payload=b"", **fields):
    ports = (1024, 1755) if ends is CLIENT else (1755, 1024)
    inner = f.tcp(payload, src_port=ports[0], dst_port=ports[1], **fields)
    return f.ethernet(f.ipv4(inner, **ends))


@pytest.fixture
def streams(tmp_path):
    """What the flows of a capture of these frames hold, in order of their first segment."""

    def read(*packets):
        path = tmp_path / "it.pcap"
        path.write_bytes(build.pcap([(i * 10**6, packet) for i, packet in enumerate(packets)]))
        with mmscodec.open(path, protocols=None) as cap:
            assert cap.counts["segments"] == len(packets)
            return [
                (flow["src"].item(), bytes(cap.stream(i)), int(flow["marks"]), int(flow["gaps"]))
                for i, flow in enumerate(cap.flows)
            ]

    return read


def test_of_several_answers_to_one_syn_that_counts_which_was_acknowledged(streams):
    # two servers behind one address answer in turns; the client goes on with the second
    first, second = (3_000_000_000, 97_000_000)
    handshake = [segment(CLIENT, seq=99, ack=0, flags=SYN)]
    handshake += [
        segment(SERVER, seq=isn, ack=100, flags=SYN | ACK)
        for isn in (first, second, first, second, first)
    ]
    talk = [
        segment(CLIENT, b"ask", seq=100, ack=second + 1),
        segment(SERVER, b"one", seq=second + 1, ack=103),
        segment(SERVER, seq=first, ack=100, flags=SYN | ACK),
        segment(SERVER, b"two", seq=second + 4, ack=103),
        segment(SERVER, seq=first, ack=100, flags=SYN | ACK),
    ]
    assert streams(*handshake, *talk) == [
        (f.CLIENT, b"ask", SYN >> 1, 0),
        (f.SERVER, b"onetwo", SYN >> 1, 0),
    ]


def test_of_several_answers_the_first_counts_where_data_follows_it(streams):
    packets = [segment(CLIENT, seq=99, ack=0, flags=SYN)]
    packets += [segment(SERVER, seq=n, ack=100, flags=SYN | ACK) for n in (499, 2**31)]
    packets += [segment(SERVER, text, seq=seq) for text, seq in ((b"ab", 500), (b"cd", 502))]
    packets += [segment(SERVER, b"zz", seq=2**31 + 1)]  # out of every window now
    packets += [segment(SERVER, b"ef", seq=504)]
    assert streams(*packets)[1][1] == b"abcdef"


def test_answer_to_another_syn_is_another_connection(streams):
    # the SYN that it answers was lost
    packets = [
        segment(CLIENT, seq=99, ack=0, flags=SYN),
        segment(SERVER, seq=499, ack=100, flags=SYN | ACK),
        segment(SERVER, b"old", seq=500),
        segment(SERVER, seq=2**31, ack=70_000_000, flags=SYN | ACK),
        segment(SERVER, b"new", seq=2**31 + 1),
    ]
    assert [stream for _, stream, _, _ in streams(*packets)] == [b"", b"old", b"new"]


def test_ports_that_are_used_again_are_another_connection(streams):
    packets = []
    for isn, text in ((99, b"first"), (1_000_000_099, b"second"), (4_000_000_099, b"third")):
        packets += [
            segment(CLIENT, seq=isn, ack=0, flags=SYN),
            segment(SERVER, seq=isn + 7, ack=isn + 1, flags=SYN | ACK),
            segment(SERVER, text, seq=isn + 8, ack=isn + 1),
            segment(CLIENT, seq=isn + 1, ack=isn + 8 + len(text), flags=RST),
        ]
    assert streams(*packets) == [
        (end, text if end == f.SERVER else b"", 1 if end == f.SERVER else 1 | 4 | 8, 0)
        for text in (b"first", b"second", b"third")
        for end in (f.CLIENT, f.SERVER)
    ]


def test_what_a_reset_carries_is_the_end_of_the_stream(streams):
    packets = [
        segment(SERVER, seq=499, ack=100, flags=SYN | ACK),
        segment(SERVER, b"data ", seq=500),
        segment(SERVER, b"go away", seq=505, flags=RST),
    ]
    assert streams(*packets) == [(f.SERVER, b"data go away", 1 | 4 | 8, 0)]


@pytest.mark.parametrize("seq", [0, 499, 504, 506, 600, 2**31 + 505])
def test_reset_that_no_receiver_would_believe_adds_nothing(streams, seq):
    packets = [
        segment(SERVER, seq=499, ack=100, flags=SYN | ACK),
        segment(SERVER, b"data ", seq=500),
        segment(SERVER, b"XXXXXXXXXXXX", seq=seq, flags=RST),
        segment(SERVER, b"goes on", seq=505),
    ]
    ((_, stream, _, gaps),) = streams(*packets)
    assert (stream, gaps) == (b"data goes on", 0)
