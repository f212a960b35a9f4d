import io
import random
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmscodec.winmx import _cipher, cipher
from mmscodec.winmx.cipher import Role, Stream
from tests.oracle import winmx as oracle
from tests.winmx import vectors as v
from tools import gen_winmx_tables

keys = st.binary(min_size=4, max_size=4)


@pytest.mark.parametrize(("role", "seed", "block", "down", "up"), v.KEY_BLOCKS)
def test_key_blocks_are_those_of_the_notes(role, seed, block, down, up):
    assert cipher.key_block(role, seed) == block
    assert cipher.check_key_block(block) is Role(role)
    if down:
        assert cipher.stream_keys(block) == (down, up)


def test_the_published_block_has_its_role_and_keys():
    assert cipher.check_key_block(v.PUBLISHED) is Role.SECONDARY_CLIENT
    down, up = cipher.stream_keys(v.PUBLISHED)
    assert int.from_bytes(down, "little") == 3605481865
    assert int.from_bytes(up, "little") == 3511224208


def test_the_mask_of_patched_clients_hides_the_role_and_comes_off_again():
    assert cipher.mask(v.BLOCK) == v.MASKED
    assert cipher.check_key_block(v.MASKED) is None
    assert cipher.mask(v.MASKED) == v.BLOCK


@given(st.sampled_from(list(Role)), st.binary(min_size=16, max_size=16))
def test_every_made_block_checks(role, seed):
    assert cipher.check_key_block(cipher.key_block(role, seed)) is role


def test_a_random_block_hardly_ever_checks():
    rng = np.random.default_rng(1)
    blocks = rng.integers(0, 256, (20000, 16), np.uint8)
    assert sum(cipher.check_key_block(block) is not None for block in blocks) < 5


def test_a_key_block_of_another_size_is_refused():
    for wrong in (b"", bytes(15), bytes(17)):
        with pytest.raises(ValueError, match="16 bytes"):
            cipher.check_key_block(wrong)


def test_a_cache_block_has_no_stream_keys():
    with pytest.raises(ValueError, match="no stream keys"):
        cipher.stream_keys(cipher.key_block(Role.CACHE))


def test_client_to_server_frames_are_enciphered_as_in_the_notes():
    stream = Stream(v.TO_SERVER)
    assert stream.encipher(v.USER_INFO) == v.USER_INFO_SENT
    assert stream.state == bytes.fromhex("6FFD5E4E")
    assert stream.encipher(v.QUEUE_STATUS) == v.QUEUE_STATUS_SENT
    assert stream.state == bytes.fromhex("30E34A00")


def test_server_to_client_frames_are_deciphered_as_in_the_notes():
    stream = Stream(v.TO_CLIENT)
    assert stream.decipher(v.ACKNOWLEDGED_SENT) == v.ACKNOWLEDGED
    assert stream.state == bytes.fromhex("024C86CD")
    assert stream.decipher(v.NODE_LIST_SENT) == v.NODE_LIST
    assert stream.state == bytes.fromhex("C56622CF")


def test_a_node_list_as_the_first_server_frame():
    stream = Stream(v.TO_CLIENT)
    sent = stream.encipher(v.NODE_LIST)
    assert sent.startswith(v.NODE_LIST_SENT_FIRST)
    assert stream.state == bytes.fromhex("666D5D16")


@given(keys, st.binary(max_size=300))
def test_the_stream_cipher_is_that_of_the_oracle(key, data):
    forward, back = Stream(key), Stream(key)
    assert (forward.encipher(data), forward.state) == oracle.encipher(key, data)
    assert (back.decipher(data), back.state) == oracle.decipher(key, data)


@given(keys, st.binary(max_size=200), st.integers(0, 200))
def test_a_cut_changes_nothing(key, data, cut):
    whole, parts = Stream(key), Stream(key)
    assert parts.decipher(data[:cut]) + parts.decipher(data[cut:]) == whole.decipher(data)


@given(st.lists(st.tuples(keys, st.binary(max_size=400)), max_size=40))
def test_many_streams_side_by_side_are_as_each_alone(work):
    for many, one in ((cipher.decipher_many, "decipher"), (cipher.encipher_many, "encipher")):
        together = [Stream(key) for key, _ in work]
        alone = [Stream(key) for key, _ in work]
        expected = [getattr(s, one)(data) for s, (_, data) in zip(alone, work)]
        assert many(together, [data for _, data in work]) == expected
        assert [s.state for s in together] == [s.state for s in alone]


def test_a_stream_cannot_stand_twice_in_one_call():
    stream = Stream(b"abcd")
    with pytest.raises(RuntimeError, match="twice"):
        cipher.decipher_many([stream, stream], [b"x", b"y"])
    assert stream.state == b"abcd"
    assert len(cipher.decipher_many([stream], [b"x"])[0]) == 1


def test_working_in_place_gives_the_same_bytes():
    data = bytearray(random.Random(1).randbytes(1000))
    expected = Stream(b"keys").decipher(data)
    Stream(b"keys").decipher_into(data, data)
    assert data == expected


def test_outputs_that_overlap_otherwise_are_refused():
    data = bytearray(100)
    view = memoryview(data)
    with pytest.raises(ValueError, match="overlaps"):
        Stream(b"keys").encipher_into(view[:50], view[10:60])
    with pytest.raises(ValueError, match="out has"):
        Stream(b"keys").encipher_into(view[:50], bytearray(49))
    with pytest.raises((BufferError, TypeError)):
        Stream(b"keys").encipher_into(view[:50], bytes(50))


def test_threads_with_streams_of_their_own_do_not_disturb_each_other():
    data = random.Random(2).randbytes(200_000)
    expected = Stream(b"1234").decipher(data)
    results = []

    def work():
        for _ in range(5):
            results.append(Stream(b"1234").decipher(data) == expected)  # noqa: PERF401

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 20


def test_the_datagram_of_the_notes():
    assert cipher.udp_encipher(v.UDP_PLAIN) == v.UDP_SENT
    assert cipher.udp_decipher(v.UDP_SENT) == v.UDP_PLAIN


@given(st.binary(max_size=300))
def test_datagrams_come_back(data):
    sent = cipher.udp_encipher(data)
    if len(data) > 1:
        assert sent == oracle.udp_encipher(data)
        assert cipher.udp_decipher(sent) == data


def test_the_peer_cache_list_of_the_notes():
    plain = cipher.cache_decipher(v.CACHE_LIST[12:], v.CACHE_START)
    for i in range(10):
        record = bytes([198, 51, 100, 1 + i, 0x71, 0x18, 0x2B, 0x1A, i, 50 + i, 0, 0])
        assert plain[12 * i : 12 * i + 12] == record
    assert cipher.cache_encipher(plain, v.CACHE_START) == v.CACHE_LIST[12:]


def test_real_caches_left_these_bytes_in_traffic():
    sent = cipher.cache_encipher(bytes(120), bytes(12))
    assert sent[106:108] == bytes.fromhex("7EDF")
    assert sent[118:120] == bytes.fromhex("F792")


@given(st.integers(0, 30).flatmap(lambda n: st.binary(min_size=12 * n, max_size=12 * n)),
       st.binary(min_size=12, max_size=12))  # fmt: skip
def test_cache_lists_are_those_of_the_oracle(records, start):
    sent = cipher.cache_encipher(records, start)
    assert sent == oracle.cache_encipher(records, start)
    assert cipher.cache_decipher(sent, start) == records


def test_cache_lists_of_other_sizes_are_refused():
    with pytest.raises(ValueError, match="multiple"):
        cipher.cache_decipher(bytes(13), bytes(12))
    with pytest.raises(ValueError, match="start value"):
        cipher.cache_decipher(bytes(12), bytes(11))


def test_the_older_encoding_of_the_notes():
    sent = bytes.fromhex("131C333F3716092B120925343D16")
    assert cipher.legacy_encode(b"127.0.0.1:3300") == sent
    assert cipher.legacy_decode(sent) == b"127.0.0.1:3300"


@given(st.binary(min_size=2, max_size=600))
def test_the_older_encoding_comes_back(data):
    assert cipher.legacy_decode(cipher.legacy_encode(data)) == data


def test_the_file_hash_of_the_notes():
    expected = bytes.fromhex("996D9CDD9518E41DFF67E15E8DC33FAE")
    data = bytes(range(256)) * 4
    assert cipher.file_hash(data) == expected
    assert cipher.file_hash(io.BytesIO(data)) == expected


@pytest.mark.parametrize("length", [0, 1, 16, 17, 32, 33, 131071, 131072, 131073, 700_001])
def test_file_hashes_are_those_of_the_oracle(length):
    data = np.random.default_rng(length).integers(0, 256, length, np.uint8).tobytes()
    assert cipher.file_hash(data) == oracle.file_hash(data)


def test_the_generated_tables_are_up_to_date():
    assert gen_winmx_tables.main(["--check"]) == 0


def test_the_tables_are_those_of_the_oracle():
    whole = _cipher.tables()
    names = ["T2", "T6", "T0", "T6", "T4", "U0", "U1", "U2", *(f"F{i}" for i in range(12))]
    assert whole == b"".join(oracle.T[name] for name in names)


@pytest.mark.parametrize("size", [0, 1])
@pytest.mark.parametrize("name", ["udp", "legacy"])
def test_datagrams_of_a_byte_or_none(name, size):
    forward = {"udp": _cipher.udp_encipher, "legacy": _cipher.legacy_encode}[name]
    back = {"udp": _cipher.udp_decipher, "legacy": _cipher.legacy_decode}[name]
    assert len(forward(bytes(size))) == size
    assert back(forward(b"x" * size)) == b"x" * size
