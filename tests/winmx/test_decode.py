import numpy as np
import pytest

from mmscodec import winmx
from mmscodec.errors import MalformedError
from mmscodec.schema.faults import FaultCode
from tests.oracle import winmx as oracle
from tests.winmx import vectors as v


def lists(*counts):
    return b"".join(
        b"\xa1\x03" + (12 * n).to_bytes(2, "little") + v.NODE_LIST[4:16] * n for n in counts
    )


def test_packets_of_the_stream_of_vectors():
    batch = winmx.decode(v.STREAM)
    found, end = oracle.frames(v.STREAM)
    assert batch.packets["offset"].tolist() == [at for at, _, _ in found]
    assert batch.packets["type"].tolist() == [kind for _, kind, _ in found]
    assert batch.packets["data_length"].tolist() == [len(body) for _, _, body in found]
    assert (batch.packets["length"] == batch.packets["data_length"].astype(int) + 4).all()
    assert batch.consumed == end == len(v.STREAM)
    assert len(batch.faults) == 0
    assert [bytes(batch.payload(i)) for i in range(len(found))] == [body for _, _, body in found]


def test_nodes_of_the_notes():
    batch = winmx.decode(v.STREAM)
    assert batch.nodes.tolist() == oracle.nodes(v.STREAM)
    first = batch.nodes[0]
    assert winmx.addresses(batch.nodes)[0] == "192.0.2.10"
    assert (first["udp_port"], first["tcp_port"]) == (6257, 6699)
    assert batch.nodes["current"].tolist() == [True, *[False] * 7] * 2
    assert batch.nodes["packet"].tolist() == [3] * 8 + [7] * 8
    assert batch.records.tobytes() == v.NODE_LIST[4:] * 2


def test_fields_of_the_vectors():
    batch = winmx.decode(v.STREAM)
    assert batch.column("UserInfo", "base_user_name").tolist() == ["Gumdrop609"]
    assert batch["UserInfo"]["tcp_transfer_port"].tolist() == [2378]
    assert batch.column("QueueStatus", "status_text").tolist() == ["9006 6 of 6 available"]
    assert batch["UserInfoAcknowledgement"]["session_id"].tolist() == [21270]
    assert batch["RoomListRequest"]["has_zero"].tolist() == [1]
    assert batch["HashSearch"]["search_id"].tolist() == [12]
    assert bytes(batch["HashSearch"]["digest"][0]) == v.HASH_SEARCH[-16:]
    assert batch.column("BrowseRequest", "user_handle").tolist() == ["WinMX 49d140511871"]
    assert batch.column("BrowseRequest", "user_name", None).tolist() == [b"Gumdrop609_21884"]
    assert batch[0x0460]["packet"].tolist() == [2]
    assert batch.names["NodeList"] == 2


@pytest.mark.parametrize("end", [b"", b"\0"])
def test_queue_status_with_and_without_its_terminator(end):
    batch = winmx.decode(winmx.encode("QueueStatus", status_text=b"9006 6 of 6 available" + end))
    assert batch.column("QueueStatus", "status_text").tolist() == ["9006 6 of 6 available"]


@pytest.mark.parametrize("count", [0, 1, 7, 9, 300, 5461])
def test_lists_of_other_counts_are_accepted_and_found(count):
    data = lists(8, count, 8)
    batch = winmx.decode(data)
    assert len(batch.faults) == 0
    assert batch.nodes.tolist() == oracle.nodes(data)
    found = batch.findings
    assert found["row"].tolist() == [1]
    assert found["seen"].tolist() == [count]
    assert "other than eight" in found.text()[0]


@pytest.mark.parametrize("surplus", range(1, 12))
def test_a_length_that_is_no_multiple_of_12_is_a_fault_and_gives_its_whole_records(surplus):
    size = 96 + surplus
    data = b"\xa1\x03" + size.to_bytes(2, "little") + v.NODE_LIST[4:] + bytes(surplus) + v.NODE_LIST
    batch = winmx.decode(data)
    assert batch.nodes.tolist() == oracle.nodes(data)
    assert len(batch.nodes) == 16
    (fault,) = batch.faults
    assert fault["code"] == FaultCode.BAD_LENGTH
    assert (fault["offset"], fault["length"], fault["have"]) == (100, surplus, size)
    assert fault["packet"] == 0
    assert batch.consumed == len(data)
    with pytest.raises(MalformedError) as caught:
        winmx.decode(data, on_fault="raise")
    assert caught.value.have == size
    assert len(caught.value.batch.nodes) == 16


def test_odd_records_are_kept_verbatim_and_found():
    data = bytearray(v.NODE_LIST)
    data[4 + 12 : 4 + 16] = bytes(4)  # record 1: no address
    data[4 + 24 + 6 : 4 + 24 + 8] = bytes(2)  # record 2: no TCP port
    data[4 + 36 + 10] = 3  # record 3: X
    data[4 + 48 + 11] = 9  # record 4: last byte
    batch = winmx.decode(data)
    assert batch.nodes.tolist() == oracle.nodes(bytes(data))
    assert [(row, field) for row, field in zip(batch.findings["row"], batch.findings["seen"])] == [
        (1, 0), (2, 0), (3, 3), (4, 9),
    ]  # fmt: skip
    assert (batch.findings["table"] == 4).all()
    assert winmx.encode(batch.nodes) == data


def test_every_prefix_gives_the_whole_frames_in_it():
    for end in range(len(v.STREAM) + 1):
        batch = winmx.decode(v.STREAM[:end])
        found, consumed = oracle.frames(v.STREAM[:end])
        assert batch.packets["offset"].tolist() == [at for at, _, _ in found]
        assert batch.consumed == consumed
        assert len(batch.faults) == 0


def test_a_regular_run_is_indexed_when_asked_for():
    for tail in (b"", b"\xa1", v.NODE_LIST[:99], b"\0\0\0\0", v.ACKNOWLEDGED):
        data = v.NODE_LIST * 200 + tail
        batch = winmx.decode(data)
        assert batch.records.tobytes() == b"".join(
            body for _, kind, body in oracle.frames(data)[0] if kind == 0x03A1
        )
        assert batch.nodes.tolist() == oracle.nodes(data)
        assert batch.packets["offset"].tolist() == [at for at, _, _ in oracle.frames(data)[0]]
        assert batch.consumed == oracle.frames(data)[1]
        assert len(winmx.decode(data).faults) == 0
        assert winmx.decode(data)["NodeList"]["nodes_length"].tolist() == [96] * 200


def test_packets_that_end_inside_a_field_have_a_fault_and_no_row():
    for end in range(4, len(v.BROWSE_REQUEST)):
        cut = v.BROWSE_REQUEST[:2] + (end - 4).to_bytes(2, "little") + v.BROWSE_REQUEST[4:end]
        batch = winmx.decode(v.USER_INFO + cut + v.BROWSE_REQUEST)
        assert batch["BrowseRequest"]["packet"].tolist() == [2]
        (fault,) = batch.faults
        assert fault["code"] == FaultCode.UNTERMINATED
        assert fault["offset"] + fault["length"] == len(v.USER_INFO) + len(cut)
    batch = winmx.decode(bytes.fromhex("60 04 01 00 16"))
    assert batch.faults["code"].tolist() == [FaultCode.SHORT_FIELD]
    assert "session_id" in batch.faults.text()[0]


def test_metadata_that_is_not_understood_is_stepped_over():
    fields = {"user_handle": "WinMX 49d140511871", "user_name": "a", "file_path": "b"}
    fields |= {"hash": bytes(20), "size": 7}
    frames = (
        winmx.encode("BrowseEntry", **fields)
        + winmx.encode("BrowseEntry", **fields, bitrate=1, sample_rate=2, play_time_seconds=3)
        + winmx.encode("BrowseEntry", **fields, metadata_unknown=b"abc")
    )
    batch = winmx.decode(frames)
    rows = batch["BrowseEntry"]
    assert rows["metadata_length"].tolist() == [0, 11, 3]
    assert rows["bitrate"].tolist() == [0, 1, 0]
    assert rows["metadata_type"].tolist() == [0, 0x4D, 0]
    assert batch.column("BrowseEntry", "metadata_unknown").tolist() == [b"", b"", b"abc"]
    assert rows["surplus"].tolist() == [0, 0, 0]
    assert batch.findings["row"].tolist() == [2]


def test_files_of_a_shared_folder_have_a_table_of_their_own():
    file = {"file_name": "x.mp3", "hash": bytes(20), "size": 1, "bitrate": 2, "sample_rate": 3,
                "play_time_seconds": 4}  # fmt: skip
    whole = winmx.encode("ShareFolder", folder="C:", files=[file] * 3)
    cut = whole[:2] + (len(whole) - 5).to_bytes(2, "little") + whole[4:-1]
    batch = winmx.decode(whole + cut)
    assert batch["ShareFolder"]["packet"].tolist() == [0, 1]
    assert batch["SharedFile"]["packet"].tolist() == [0, 0, 0, 1, 1]
    assert batch["SharedFile"]["item"].tolist() == [0, 1, 2, 0, 1]
    assert batch.column("SharedFile", "file_name").tolist() == ["x.mp3"] * 5
    assert batch.faults["code"].tolist() == [FaultCode.SHORT_FIELD]
    assert batch.fields(0)["files"] == [file] * 3


def test_0x13ed_is_told_apart_by_the_link():
    chat = winmx.encode("ClientAnnouncement")
    assert chat == bytes.fromhex("ED 13 01 00 31")
    assert winmx.decode(chat, link="chat")["ClientAnnouncement"]["marker"].tolist() == [0x31]
    assert winmx.decode(chat, link="chat").names == {"ClientAnnouncement": 1}
    assert len(winmx.decode(chat, link="secondary")["ClientAnnouncement"]) == 0
    assert len(winmx.decode(chat, link="chat")["PrivateMessageAcknowledged"]) == 0
    assert winmx.decode(chat, link="secondary").faults["code"].tolist() == [FaultCode.UNTERMINATED]


def test_primary_frames_have_their_own_header():
    query = winmx.encode("RoomListQuery", origin_ip="192.0.2.1", origin_udp_port=6257,
                         request_id=b"abcd", payload_rest=b"xyz")  # fmt: skip
    assert len(query) == 21
    assert query[:6] == bytes([192, 0, 2, 1, 0x71, 0x18])
    assert query[15:18] == bytes([4, 0, 0x4E])
    empty = bytes(17)
    batch = winmx.decode(query + empty + query[:20], link="primary")
    assert batch.packets["type"].tolist() == [0x4E, 0xFFFF]
    assert batch.consumed == 38
    assert winmx.addresses(batch["RoomListQuery"]["origin_ip"]).tolist() == ["192.0.2.1"]
    assert batch.column("RoomListQuery", "payload_rest").tolist() == [b"xyz"]
    assert len(batch["PrimaryPacket"]) == 2
    assert winmx.encode("RoomListQuery", **batch.fields(0)) == query
    assert winmx.encode("PrimaryPacket", **batch.fields(1)) == empty


def test_datagrams_of_the_notes():
    batch = winmx.decode_datagrams([v.UDP_SENT, b"1234", v.UDP_SENT])
    rows = batch["RoomAdvertisement"]
    assert rows["packet"].tolist() == [0, 2]
    assert (rows["users"].tolist(), rows["limit"].tolist()) == ([42, 42], [500, 500])
    assert batch.column("RoomAdvertisement", "room_name").tolist() == ["Room_010200C01A2B"] * 2
    assert winmx.encode("RoomAdvertisement", **batch.fields(2)) == v.UDP_PLAIN
    plain = winmx.decode(v.UDP_PLAIN, link="udp")
    assert plain.column("RoomAdvertisement", "topic").tolist() == ["Topic"]


def test_older_frames_are_decoded():
    login = winmx.encode("LegacyLogin", text=b"user pass 0 WinMX 1")
    assert login[:2] == (19).to_bytes(2, "little")
    batch = winmx.decode(login * 2 + login[:7], link="legacy")
    assert batch.packets["type"].tolist() == [2, 2]
    assert batch.consumed == 2 * len(login)
    assert batch.column("LegacyLogin", "text").tolist() == ["user pass 0 WinMX 1"] * 2
    assert winmx.encode("LegacyLogin", **batch.fields(1)) == login


def test_a_peer_cache_reply():
    records = np.zeros(10, winmx.RECORD_DTYPE)
    records["ip"] = 0xC6336401 + np.arange(10, dtype=np.int64)
    records["udp_port"], records["tcp_port"] = 6257, 6699
    records["free_primary_slots"] = np.arange(10)
    records["free_secondary_slots"] = 50 + np.arange(10)
    reply = winmx.encode_cache_reply(records, start=v.CACHE_START)
    assert len(reply) == 149
    assert reply[17:] == v.CACHE_LIST
    batch = winmx.decode(reply, link="cache")
    assert (batch.records == records).all()
    assert batch.nodes["record"].tolist() == list(range(10))
    assert not batch.nodes["current"].any()
    assert len(batch.faults) == len(batch.findings) == 0
    assert bytes(batch["CacheList"]["start_value"][0]) == v.CACHE_START
    assert winmx.encode("CacheList", **batch.fields(0)) == v.CACHE_LIST
    wrong = winmx.decode(b"9" + bytes(148), link="cache")
    assert wrong.faults["code"].tolist() == [
        FaultCode.UNKNOWN_STRUCTURE,
        FaultCode.BAD_KEY_BLOCK,
    ]
    cut = winmx.decode(reply[:-1], link="cache")
    assert cut.packets.tolist() == [(0, 137, 0x38, 120)]
    assert cut.records.tolist() == batch.records[:9].tolist()


def test_types_known_by_name_keep_their_bytes():
    frame = winmx.encode("UnshareFile", data=b"abc")
    batch = winmx.decode(frame)
    assert batch.names == {"UnshareFile": 1}
    assert bytes(batch.payload(0)) == b"abc"
    assert batch.fields(0) == {"data": b"abc"}
    assert "unshare file" in batch.text()[0]


def test_unknown_types_are_findings_not_faults():
    batch = winmx.decode(bytes.fromhex("34 12 02 00 00 00"))
    assert len(batch.faults) == 0
    assert "no notes know" in batch.findings.text()[0]
    assert batch.names == {"0x1234": 1}


def test_links_and_names_that_do_not_exist_are_refused():
    with pytest.raises(ValueError, match="link is one of"):
        winmx.decode(b"", link="tertiary")
    with pytest.raises(ValueError, match="on_fault"):
        winmx.decode(b"", on_fault="ignore")
    with pytest.raises(KeyError):
        winmx.decode(b"")["NoSuchPacket"]
    with pytest.raises(KeyError, match="has no field"):
        winmx.decode(b"").column("UserInfo", "age")


def test_a_batch_survives_pickling():
    import pickle

    for batch in (winmx.decode(v.STREAM), winmx.decode(v.NODE_LIST * 100)):
        again = pickle.loads(pickle.dumps(batch))
        assert (again.packets == batch.packets).all()
        assert (again.nodes == batch.nodes).all()
        assert again.consumed == batch.consumed
