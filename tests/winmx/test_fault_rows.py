"""Every fault says where its bytes begin, how many they are, and in which packet."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmscodec import winmx
from mmscodec.schema.winmx import PACKETS
from tests.winmx import vectors as v

TYPES = [item.mid for item in PACKETS if 0 <= item.mid < 65536]


def assert_joined(batch):
    """Faults lie in their packets, to the end of them."""
    faults, packets = np.asarray(batch.faults), batch.packets
    assert (faults["packet"] >= 0).all()
    rows = packets[faults["packet"]]
    end = rows["offset"] + rows["length"]
    assert (faults["offset"] >= rows["offset"]).all()
    assert (faults["offset"] + faults["length"] == end).all()
    return len(faults)


@given(st.lists(st.tuples(st.sampled_from(TYPES), st.binary(max_size=60)), max_size=12),
       st.sampled_from(["", "secondary", "chat"]))  # fmt: skip
def test_faults_of_any_frames_join_their_packets(frames, link):
    data = b"".join(struct.pack("<HH", kind, len(body)) + body for kind, body in frames)
    assert_joined(winmx.decode(data, link=link))


@pytest.mark.parametrize("link", ["primary", "legacy", "udp"])
@given(data=st.binary(max_size=300))
def test_faults_of_other_links_do_too(link, data):
    assert_joined(winmx.decode(data, link=link))


def test_a_field_that_is_missing_belongs_to_the_packet_that_ends():
    frame = winmx.encode("UserInfo", base_user_name="a", line_type=1, tcp_transfer_port=1)
    cut = frame[:2] + struct.pack("<H", len(frame) - 6) + frame[4:-2]
    batch = winmx.decode(cut + v.NODE_LIST + cut)
    assert assert_joined(batch) == 2
    assert batch.faults["packet"].tolist() == [0, 2]
    assert batch.faults["length"].tolist() == [0, 0]
    assert batch.faults["offset"].tolist() == [len(cut), len(cut) * 2 + 100]


def test_a_list_of_odd_length_is_at_fault_behind_its_whole_records():
    bad = b"\xa1\x03\x1d\0" + bytes(29)
    batch = winmx.decode(v.NODE_LIST + bad + v.NODE_LIST)
    assert assert_joined(batch) == 1
    assert batch.faults[["offset", "length", "packet"]].tolist() == [(100 + 4 + 24, 5, 1)]
    big = winmx.decode(v.NODE_LIST * 9000 + bad, out=None)
    assert big.faults["packet"].tolist() == [9000]


def test_decoder_and_pickle_keep_them():
    import pickle

    bad = b"\xa1\x03\x1d\0" + bytes(29)
    decoder = winmx.Decoder()
    batch = decoder.feed(v.NODE_LIST + bad[:10])
    batch = decoder.feed(bad[10:])
    assert batch.faults["packet"].tolist() == [0]
    again = pickle.loads(pickle.dumps(batch))
    assert again.faults.tolist() == batch.faults.tolist()
