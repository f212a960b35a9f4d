"""What a live decoder believes at the end of a chunk, and datagrams whose lengths lie."""

import numpy as np
import pytest

from mmscodec import mms
from tests.mms.streams import GUID, data

SURE = [data(5, 4, 5, bytes(40)), data(6, 4, 6, bytes(48)), data(7, 4, 7, bytes(56))]
HEADER = data(0, 9, 4, GUID + bytes(40))


@pytest.mark.parametrize("size", range(len(HEADER)))
def test_a_packet_that_is_sure_does_not_wait_for_what_begins_behind_it(size):
    decoder = mms.Decoder(live=True)
    batch = decoder.feed(b"".join(SURE) + HEADER[:size])
    assert batch.data["location_id"].tolist() == [5, 6, 7]
    rest = [decoder.feed(HEADER[size:]), decoder.close()]
    assert [n for part in rest for n in part.data["location_id"].tolist()] == [0]
    assert [len(part.faults) for part in (batch, *rest)] == [0, 0, 0]


@pytest.mark.parametrize("size", range(16))
def test_a_packet_that_nothing_told_of_is_believed_where_the_chunk_ends_with_it_or_a_header_follows(
    size,
):
    # incarnation 7 and a large LocationId: neither announced nor linked to anything
    one, other = data(1 << 28, 7, 1, bytes(40)), data(1 << 28 | 1, 7, 2, bytes(44))
    decoder = mms.Decoder(live=True)
    batch = decoder.feed(one + other[:size])
    # eight bytes are a header that is linked to it, less say nothing yet
    assert len(batch.data) == (0 if 0 < size < 8 else 1)
    rest = [decoder.feed(other[size:]), decoder.close()]
    assert len(batch.data) + sum(len(part.data) for part in rest) == 2


@pytest.mark.parametrize("lengths", [[-1], [48, -1], [61], [48, 13], [2**63 - 1], [-(2**63)]])
def test_lengths_of_datagrams_that_do_not_fit_are_refused(lengths):
    with pytest.raises(ValueError, match="length"):
        mms.decode(SURE[0] + bytes(12), transport="udp", datagrams=np.array(lengths))


def test_the_first_datagram_with_a_fault_ends_the_decoding_where_that_is_asked_for():
    good, bad = SURE[0], SURE[0][:30]
    lengths = np.array([len(good), len(bad), len(good)])
    whole = good + bad + good
    batch = mms.decode(whole, transport="udp", datagrams=lengths)
    assert len(batch.data) == 2
    assert len(batch.faults) == 1
    with pytest.raises(mms.MalformedError):
        mms.decode(whole, transport="udp", datagrams=lengths, on_fault="raise")
    fine = mms.decode(good + good, transport="udp", datagrams=lengths[[0, 2]], on_fault="raise")
    assert len(fine.data) == 2
