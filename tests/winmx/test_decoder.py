import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmscodec import winmx
from mmscodec.errors import MalformedError
from tests.winmx import vectors as v

BAD = v.STREAM + b"\xa1\x03\x0d\0" + bytes(13) + v.BROWSE_REQUEST[:2] + b"\2\0xx" + v.NODE_LIST


def rows(batches):
    """Tables of several batches as one, packets numbered through."""
    packets, nodes, faults, names, before = [], [], [], [], 0
    for batch in batches:
        more = batch.nodes.copy()
        more["packet"] += before
        packets += batch.packets.tolist()
        nodes += more.tolist()
        found = batch.faults.copy()
        found["packet"] += before
        faults += found.tolist()
        names += batch.column("BrowseRequest", "user_name").tolist()
        before += len(batch.packets)
    return packets, nodes, faults, names


def pieces(data, cuts):
    cuts = [0, *sorted(cuts), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(cuts)]


def fed(data, cuts, **options):
    decoder = winmx.Decoder(**options)
    batches = [decoder.feed(piece) for piece in pieces(data, cuts)]
    return decoder, batches


@pytest.mark.parametrize("cut", range(len(BAD) + 1))
def test_every_split_in_two_gives_the_same_rows(cut):
    decoder, batches = fed(BAD, [cut])
    assert rows(batches) == rows([winmx.decode(BAD)])
    assert (decoder.position, decoder.buffered) == (len(BAD), 0)


def test_byte_by_byte_gives_the_same_rows():
    decoder, batches = fed(BAD[:-1], range(1, len(BAD)))
    whole = winmx.decode(BAD[:-1])
    assert rows(batches) == rows([whole])
    assert decoder.position == whole.consumed
    assert decoder.buffered == 99
    assert len(decoder.close().packets) == 0
    assert decoder.closed
    with pytest.raises(ValueError, match="closed"):
        decoder.feed(b"x")


@given(st.lists(st.integers(0, len(BAD)), max_size=12))
def test_any_cuts_give_the_same_rows(cuts):
    _, batches = fed(BAD, cuts)
    assert rows(batches) == rows([winmx.decode(BAD)])


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=5))
def test_any_bytes_cut_anywhere_give_the_rows_of_the_whole(data, cuts):
    _, batches = fed(data, [min(cut, len(data)) for cut in cuts])
    assert rows(batches) == rows([winmx.decode(data)])


@pytest.mark.parametrize("link", ["primary", "legacy"])
def test_other_framings_may_be_cut_too(link):
    if link == "primary":
        data = winmx.encode("RoomListQuery", origin_ip=1, origin_udp_port=2, payload_rest=b"x") * 3
    else:
        data = winmx.encode("LegacyLogin", text=b"abcdefgh") * 3
    whole = winmx.decode(data, link=link)
    for cut in range(len(data)):
        _, batches = fed(data, [cut], link=link)
        found = [bytes(b.payload(i)) for b in batches for i in range(len(b.packets))]
        assert found == [bytes(whole.payload(i)) for i in range(3)]
        assert [at for b in batches for at in b.packets["offset"]] == whole.packets[
            "offset"
        ].tolist()


def test_offsets_count_from_the_start_given():
    decoder = winmx.Decoder(start=1 << 40)
    batch = decoder.feed(v.STREAM)
    assert batch.packets["offset"][0] == 1 << 40
    assert batch.column("UserInfo", "base_user_name").tolist() == ["Gumdrop609"]
    assert batch.consumed == (1 << 40) + len(v.STREAM)


def test_the_tail_is_bounded_by_one_frame():
    decoder = winmx.Decoder()
    decoder.feed(b"\0\0\xff\xff")
    for _ in range(1000):
        decoder.feed(bytes(65))
        assert decoder.buffered < 65539
    assert decoder.position == 0
    assert len(decoder.feed(bytes(1000)).packets) > 0


def test_bytes_that_change_after_a_feed_do_not_change_its_batch():
    chunk = bytearray(v.NODE_LIST)
    decoder = winmx.Decoder()
    batch = decoder.feed(chunk)
    chunk[:] = bytes(100)
    assert batch.records.tobytes() == v.NODE_LIST[4:]


def test_memory_of_a_batch_is_used_again_unless_arrays_live():
    out = winmx.Batch()
    decoder = winmx.Decoder()
    first = decoder.feed(v.NODE_LIST * 100, out=out)
    assert first is out
    nodes, kept = out.nodes, out.nodes.copy()
    place = out.records.ctypes.data
    decoder.feed(v.NODE_LIST * 50 + v.ACKNOWLEDGED, out=out)
    assert (nodes == kept).all()
    assert len(out.nodes) == 400
    assert out.records.ctypes.data == place


def test_a_raised_fault_closes_the_decoder():
    decoder = winmx.Decoder(on_fault="raise")
    assert len(decoder.feed(v.NODE_LIST).nodes) == 8
    with pytest.raises(MalformedError) as caught:
        decoder.feed(b"\xa1\x03\x0d\0" + bytes(13))
    assert caught.value.offset == 116  # behind the last whole record
    assert len(caught.value.batch.nodes) == 1
    assert decoder.closed


def test_datagrams_have_no_decoder():
    with pytest.raises(ValueError, match="decode_datagrams"):
        winmx.Decoder(link="udp")


def test_a_large_stream_in_odd_pieces():
    records = np.random.default_rng(5).integers(0, 256, 96 * 5000, np.uint8)
    data = winmx.encode(records.view(winmx.RECORD_DTYPE).reshape(-1, 8))
    decoder = winmx.Decoder()
    got = [decoder.feed(data[at : at + 7919]).records for at in range(0, len(data), 7919)]
    assert b"".join(rows.tobytes() for rows in got) == records.tobytes()
    assert winmx.encode(np.concatenate(got).reshape(-1, 8)) == data  # there in native byte order


def test_a_batch_used_again_has_the_rows_of_what_was_decoded_last():
    rng = np.random.default_rng(6)
    out = winmx.Batch()
    for lists, tail in ((300, b""), (700, b"\xa1"), (200, v.ACKNOWLEDGED), (500, b""), (10, b"")):
        bodies = [rng.integers(0, 256, 96, np.uint8).tobytes() for _ in range(lists)]
        data = b"".join(b"\xa1\x03\x60\0" + body for body in bodies) + tail
        for cut in (None, 65, 150):
            changed = bytearray(data)
            if cut is not None and cut < lists:
                changed[100 * cut] ^= 1  # another type in the middle of the run
                expected = b"".join(bodies[:cut] + bodies[cut + 1 :])
            else:
                expected = b"".join(bodies)
            winmx.decode(changed, out=out)
            assert out.records.tobytes() == expected
            again = winmx.decode(bytes(changed))
            assert (out.nodes == again.nodes).all()
            assert (out.packets == again.packets).all()
            assert out.consumed == again.consumed
    kept = out.nodes
    copy = kept.copy()
    winmx.decode(v.NODE_LIST * 100, out=out)
    assert (kept == copy).all()
    assert len(out.nodes) == 800


@pytest.mark.parametrize("tail", [b"", v.ACKNOWLEDGED], ids=["regular", "mixed"])
def test_a_batch_used_again_takes_no_new_memory_for_as_many_rows(tail):
    out = winmx.Batch()
    before = None
    for _ in range(4):
        winmx.decode(v.NODE_LIST * 5000 + tail, out=out)
        places = [getattr(out, name).ctypes.data for name in ("packets", "nodes", "records")]
        assert before in (None, places)
        before = places


def stream_of(link, rng):
    """Bytes of a link: what it holds, changed here and there, and more behind it."""
    if link == "cache":
        reply = winmx.encode_cache_reply(np.zeros(10, winmx.RECORD_DTYPE))
        more = rng.integers(0, 60, rng.integers(0, 600), "u1").tobytes()
        return reply[: rng.integers(100, 150)] + more
    parts = [b"\xa1\x03\x60\0" + bytes(96), b"\x60\4\2\0ab"]
    parts.append(rng.integers(0, 60, 40, "u1").tobytes())
    return b"".join(parts[k] for k in rng.integers(0, 3, rng.integers(0, 20)))


@pytest.mark.parametrize("link", ["", "secondary", "chat", "primary", "legacy", "cache"])
def test_however_it_is_cut_a_decoder_gives_the_rows_of_decode(link):
    rng = np.random.default_rng(17)
    for _ in range(150):
        data = stream_of(link, rng)
        whole = winmx.decode(data, link=link)
        cuts = sorted(rng.integers(0, len(data) + 1, rng.integers(0, 6)).tolist())
        decoder, out = winmx.Decoder(link=link), winmx.Batch()
        packets, nodes = [], []
        for start, end in itertools.pairwise([0, *cuts, len(data)]):
            batch = decoder.feed(data[start:end], out=out)
            packets += batch.packets.tolist()
            nodes += batch.records.tolist()
            assert decoder.buffered < 65_540
        faults = []
        for batch in (
            decoder.close(),
            decoder.close(),
        ):  # of a reply that was cut; the second: none
            packets += batch.packets.tolist()
            nodes += batch.records.tolist()
            faults += batch.faults.tolist()
        assert packets == whole.packets.tolist()
        assert nodes == whole.records.tolist()
        assert decoder.position == whole.consumed
        if link == "cache":
            assert faults == whole.faults.tolist()


def test_a_cache_reply_may_begin_anywhere_in_a_stream():
    reply = winmx.encode_cache_reply(np.zeros(10, winmx.RECORD_DTYPE))
    batch = winmx.Decoder(link="cache", start=1000).feed(reply)
    assert batch.nodes.tolist() == winmx.decode(reply, link="cache").nodes.tolist()
    bad = winmx.Decoder(link="cache", start=1000).feed(b"9" + reply[1:])
    assert bad.faults["offset"].tolist() == [1000]
