"""However a stream is cut, the rows are those of the whole."""

import pickle
import random
import threading

import numpy as np
import pytest

from mmscodec import mms
from mmscodec.errors import MalformedError
from tests import vectorfiles
from tests.mms import streams

VECTORS = vectorfiles.load("mms")
every_vector = pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)


@every_vector
def test_a_vector_cut_at_each_byte_gives_the_same_rows(vector):
    whole = streams.joined([mms.decode(vector.data, transport=vector.transport)])
    for cut in range(1, len(vector.data)):
        batches = streams.fed(vector.data, [cut], transport=vector.transport)
        assert streams.joined(batches) == whole


@every_vector
def test_a_vector_fed_byte_by_byte_gives_the_same_rows(vector):
    batches = streams.fed(vector.data, range(1, len(vector.data)), transport=vector.transport)
    whole = mms.decode(vector.data, transport=vector.transport)
    assert streams.joined(batches) == streams.joined([whole])


@every_vector
def test_each_truncation_of_a_vector_is_an_unfinished_tail(vector):
    whole = mms.decode(vector.data, transport=vector.transport)
    ends = sorted(offset + length for offset, length, _ in streams.spans(whole))
    if vector.transport == "udp":
        ends = sorted((whole.messages["offset"] + whole.messages["length"]).tolist())
    for end in range(len(vector.data)):
        batch = mms.decode(vector.data[:end], transport=vector.transport)
        assert batch.faults.text() == []
        assert batch.consumed == max([e for e in ends if e <= end], default=0)


@pytest.mark.parametrize("seed", range(30))
def test_damaged_streams_cut_anywhere_give_the_same_rows_and_faults(seed):
    rng = random.Random(seed)
    stream = bytearray(
        b"".join(streams.server_stream(rng, 20, varying=seed % 2 == 0, fake=seed % 3 == 0))
    )
    for _ in range(rng.randrange(4)):
        stream[rng.randrange(len(stream))] ^= 1 << rng.randrange(8)
    at = rng.randrange(len(stream))
    stream[at:at] = rng.randbytes(rng.randrange(300))
    whole = streams.joined([mms.decode(stream)])
    for size in (1, 7, 100, 1400):
        if size == 1 and seed > 4:
            continue
        batches = streams.fed(bytes(stream), range(size, len(stream), size))
        assert streams.joined(batches) == whole


def test_payloads_are_there_even_where_a_packet_came_in_pieces():
    rng = random.Random(5)
    stream = b"".join(streams.server_stream(rng, 30, varying=True))
    whole = mms.decode(stream)
    wanted = [bytes(whole.payload(i)) for i in range(len(whole.data))]
    got = []
    for batch in streams.fed(stream, range(1400, len(stream), 1400)):
        got += [bytes(batch.payload(i)) for i in range(len(batch.data))]
    assert got == wanted


def test_message_fields_are_there_even_where_a_message_came_in_pieces():
    stream = mms.encode("LinkViewerToMacOpenFile", file_name="film.asf") * 40
    names = []
    for batch in streams.fed(stream, range(33, len(stream), 33)):
        names += batch.column("LinkViewerToMacOpenFile", "file_name").tolist()
    assert names == ["film.asf"] * 40


def test_only_the_unfinished_tail_is_kept():
    decoder = mms.Decoder()
    decoder.feed(streams.PING * 1000 + streams.PING[:20])
    assert decoder.buffered == 20
    assert decoder.position == 1000 * len(streams.PING)


def test_a_packet_over_the_ceiling_is_a_fault_and_is_not_kept():
    decoder = mms.Decoder(max_packet=1024)
    head = bytearray(streams.PING[:32])
    head[8:12] = (4096).to_bytes(4, "little")
    batch = decoder.feed(bytes(head) + bytes(2000) + streams.PING)
    assert decoder.buffered < 4096
    assert len(batch.packets) + len(decoder.close().packets) == 1
    assert decoder.position > 2000


def test_a_fault_raised_closes_the_decoder_and_says_where():
    decoder = mms.Decoder(on_fault="raise")
    decoder.feed(streams.PING)
    with pytest.raises(MalformedError) as caught:
        decoder.feed(streams.PING + bytes(400) + streams.PING)
    assert caught.value.offset == 2 * len(streams.PING)
    assert len(caught.value.batch.packets) == 1
    with pytest.raises(ValueError, match="closed"):
        decoder.feed(b"")


def test_batches_pickle_and_decoders_do_not():
    batch = mms.decode(streams.PING * 3)
    again = pickle.loads(pickle.dumps(batch))
    assert again.packets.tolist() == batch.packets.tolist()
    assert again["LinkMacToViewerPing"].tolist() == batch["LinkMacToViewerPing"].tolist()
    with pytest.raises(TypeError, match="stream"):
        pickle.dumps(mms.Decoder())


def test_memory_is_used_again_only_when_no_array_needs_it():
    batch = mms.Batch()
    mms.decode(streams.PING * 5, out=batch)
    kept = batch.packets
    before = kept.tolist()
    mms.decode(streams.PING * 2, out=batch)
    assert kept.tolist() == before
    assert len(batch.packets) == 2


def test_one_decoder_for_each_of_many_threads():
    stream = b"".join(streams.server_stream(random.Random(1), 200))
    wanted = streams.joined([mms.decode(stream)])
    results = [None] * 4

    def work(index):
        batches = streams.fed(stream, range(40_000, len(stream), 40_000))
        results[index] = streams.joined(batches)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(result == wanted for result in results)


def test_offsets_reach_beyond_four_gigabytes():
    # the position is set by skipping rubbish that is fed again and again
    decoder = mms.Decoder()
    block = np.full(1 << 26, 0xFF, np.uint8)
    for _ in range(65):
        decoder.feed(block)
    batch = decoder.feed(streams.PING)
    assert batch.packets["offset"].tolist() == [65 << 26]
    assert batch.faults["length"].tolist() == [65 << 26]


def test_a_live_decoder_does_not_wait_for_what_comes_after_an_answer():
    header = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + bytes(684)
    stream = [
        mms.encode("LinkMacToViewerReportReadBlock", play_incarnation=2),
        mms.encode("Data", play_incarnation=2, af_flags=4, payload=header[:300]),
        mms.encode("Data", location_id=1, play_incarnation=2, af_flags=4, payload=header[300:600]),
        mms.encode("Data", location_id=2, play_incarnation=2, af_flags=12, payload=header[600:]),
    ]
    patient, live = mms.Decoder(), mms.Decoder(live=True)
    assert sum(len(patient.feed(chunk).data) for chunk in stream) < 3
    assert sum(len(live.feed(chunk).data) for chunk in stream) == 3
    assert live.buffered == 0
