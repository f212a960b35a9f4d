"""`mms.encode` from keyword fields: every vector, every kind of message, every refusal."""

import json
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmscodec import mms
from mmscodec.errors import EncodeError
from mmscodec.schema import mms as schema
from tests import strategies, vectorfiles
from tests.oracle import mms as oracle

SPEC = json.loads(
    (Path(__file__).resolve().parents[1] / "vectors/spec/mms.json").read_text(encoding="utf-8")
)
PUBLISHED = [bytes.fromhex(item["hex"]) for item in SPEC["example_vectors"]]
CAPTURED = [bytes.fromhex(item["hex"]) for item in SPEC["captured_vectors"]]
VECTORS = vectorfiles.load("mms")
CANONICAL = [vector for vector in VECTORS if vector.canonical]


def encoded(vector):
    """The vector's bytes from nothing but its expected fields."""
    expected = vector.expected
    parts = []
    for row in expected.get("data", ()):
        fields = {k: v for k, v in row.items() if k not in ("offset", "length", "kind", "payload")}
        payload = bytes.fromhex(row["payload"])
        parts.append((row["offset"], mms.encode("Data", payload=payload, **fields)))
    messages = [dict(item) for item in expected.get("messages", ())]
    for row in expected.get("packets", ()):
        inside = [messages.pop(0) for _ in range(row["message_count"])]
        packet = mms.encode(
            [bare(item) for item in inside],
            seq=row["seq"],
            time_sent=row.get("time_sent", 0),
            chunk_count=expected.get("chunk_count", "peers"),
        )
        parts.append((row["offset"], packet))
    parts += [(item["offset"], bare(item)) for item in messages]
    return b"".join(data for _, data in sorted(parts))


def bare(item):
    struct_ = schema.BY_NAME.get(item["name"], schema.RESEND)
    names = {field.python_name for field in struct_.fields}
    table = {"offset", "length"} if item["name"] != "LinkViewerToMacReadBlock" else set()
    fields = {k: v for k, v in item.items() if k in names - table}
    return mms.encode(item["name"], packet=False, **fields)


@pytest.mark.parametrize("vector", CANONICAL, ids=lambda vector: vector.name)
def test_every_canonical_vector_is_encoded_from_its_fields(vector):
    assert encoded(vector).hex(" ") == vector.data.hex(" ")


def test_there_is_a_vector_for_every_message():
    named = {item["name"] for v in VECTORS for item in v.expected.get("messages", ())}
    assert named == {*schema.BY_NAME, "RequestPacketListResend"}


def test_published_ping_and_pong():
    assert mms.encode("LinkMacToViewerPing", seq=7) == PUBLISHED[0]
    assert mms.encode("LinkViewerToMacPong", seq=9) == PUBLISHED[1]


def test_published_stream_switch():
    entries = [(0xFFFF, 1, 0), (2, 0xFFFF, 0)]
    assert (
        mms.encode("LinkViewerToMacStreamSwitch", seq=5, a_stream_entries=entries) == PUBLISHED[2]
    )


def test_published_start_playing():
    assert mms.encode("LinkViewerToMacStartPlaying", seq=6, play_incarnation=9) == PUBLISHED[3]


def test_published_packet_of_two_messages():
    messages = [
        ("LinkMacToViewerReportStreamSwitch", {}),
        ("LinkMacToViewerReportStartedPlaying", {"play_incarnation": 9, "tiger_file_id": 1}),
    ]
    assert mms.encode(messages, seq=3) == PUBLISHED[4]


def test_published_funnel_name_has_no_nul():
    assert mms.encode("LinkMacToViewerReportConnectedFunnel", seq=2) == PUBLISHED[5]


def test_published_data_packets():
    header = mms.encode("Data", play_incarnation=1, af_flags=12, payload=PUBLISHED[6][8:])
    media = mms.encode(
        "Data", location_id=5, play_incarnation=9, af_flags=3, payload=PUBLISHED[7][8:]
    )
    assert (header, media) == (PUBLISHED[6], PUBLISHED[7])


def test_published_resend_request():
    assert (
        mms.encode(
            "RequestPacketListResend", dw_client_id=0x12345678, dw_begin_packet_list=[0x101, 0x104]
        )
        == PUBLISHED[8]
    )


def test_captured_connected_ex_with_surplus_padding_is_written_from_its_fields():
    assert CAPTURED[0] == mms.encode(
        "LinkMacToViewerReportConnectedEX",
        play_incarnation="MMS_USE_PACKET_PAIR",
        max_bit_rate=0x00A00000,
        server_version_info="4.1.0.3930",
        chunk_len=12,
    )


def test_captured_connect_is_written_from_its_fields():
    seconds = struct.unpack("<Q", struct.pack("<d", 2.096))[0]
    (time_sent,) = struct.unpack_from("<Q", CAPTURED[1], 24)
    assert abs(time_sent - seconds) < 2**48
    assert CAPTURED[1] == mms.encode(
        "LinkViewerToMacConnect",
        time_sent=time_sent,
        play_incarnation="MMS_USE_PACKET_PAIR",
        subscriber_name="NSPlayer/4.1.0.3857; {02d0c2c0-b507-11d2-9aa8-b70f3044ae7e}",
    )


def test_captured_connect_with_five_nuls_is_written_from_its_fields():
    assert CAPTURED[2] == mms.encode(
        "LinkViewerToMacConnect",
        play_incarnation="MMS_USE_PACKET_PAIR",
        subscriber_name="NSPlayer/7.1.0.1956; ",
        pad=8,
    )


def test_captured_connect_funnel_is_written_from_its_fields():
    assert CAPTURED[3] == mms.encode(
        "LinkViewerToMacConnectFunnel",
        seq=2,
        play_incarnation=0xF0F0F0F1,
        max_bit_rate=0x00A00000,
        funnel_name=r"\\192.168.1.85\TCP\2516",
        pad=6,
    )


@pytest.mark.parametrize("message", schema.MESSAGES, ids=lambda message: message.name)
@given(data=st.data())
def test_oracle_reads_back_what_was_encoded(message, data):
    fields = data.draw(strategies.message_fields(message))
    seq = data.draw(st.integers(0, 0xFFFF))
    wire = mms.encode(message.name, seq=seq, **fields)
    (packet,) = oracle.stream(wire)
    (parsed,) = packet.messages
    assert packet.header["seq"] == seq
    assert packet.header["message_length"] + 16 == len(wire)
    assert packet.header["chunk_count"] * 8 == packet.header["message_length"]
    assert parsed.fields["chunk_len"] * 8 == len(parsed.data) == len(wire) - 32
    check_fields(message, fields, parsed.fields)


def check_fields(struct_, sent, read):
    for name, value in sent.items():
        field = struct_[name]
        if field.kind == "struct":
            check_fields(field.struct, value, read[name])
        elif field.kind == "ansi":
            assert read[name] == value.encode("cp1252").ljust(field.size, b"\0")
        elif field.kind == "utf16":
            text = oracle.text_of(field, read[name])
            assert text == (value.rstrip("\0") if field.nul != "strings" else value)
        elif field.kind == "array":
            form = "<I" if field.struct is None else "<HHH"
            entries = list(struct.iter_unpack(form, read[name]))
            assert entries == [item if isinstance(item, tuple) else (item,) for item in value]
        elif field.kind == "bytes" and field.variable and not field.count:
            assert read[name].startswith(value)
            assert len(read[name]) - len(value) < 8
        else:
            assert read[name] == value


@given(fields=strategies.data_packets())
def test_oracle_reads_back_data_packets(fields):
    (packet,) = oracle.stream(mms.encode("Data", **fields))
    assert packet.payload == fields["payload"]
    assert packet.header["packet_size"] == 8 + len(fields["payload"])
    assert packet.header["location_id"] == fields["location_id"]


@given(messages=st.lists(strategies.messages(), max_size=5))
def test_a_packet_may_hold_any_number_of_messages(messages):
    (packet,) = oracle.stream(mms.encode(messages))
    assert [item.name for item in packet.messages] == [name for name, _ in messages]


def test_chunk_count_follows_peers_or_the_specification_or_a_number():
    counts = []
    for choice in ("peers", "spec", 77):
        wire = mms.encode("LinkMacToViewerPing", chunk_count=choice)
        counts.append(int.from_bytes(wire[16:20], "little"))
    assert counts == [4, 6, 77]


def test_header_fields_can_be_given():
    wire = mms.encode("LinkMacToViewerPing", header={"rep": 0x10, "mbz": 1, "message_length": 24})
    header = oracle.fixed_fields(schema.TCP_MESSAGE_HEADER, wire)
    assert (header["rep"], header["mbz"], header["message_length"]) == (0x10, 1, 24)


def test_a_whole_packet_can_be_built_around_raw_bytes():
    body = mms.encode("LinkMacToViewerPing", packet=False)
    assert mms.encode("TcpMessageHeader", mms_message=body, seq=7) == PUBLISHED[0]


def test_ntlm_auth_counts_its_token():
    wire = mms.encode("NTLM_AUTH", ntlm_token=b"NTLMSSP\0")
    assert wire == struct.pack("<IIIIII", 0, 1, 0, 8, 2, 0) + b"NTLMSSP\0"


def test_names_of_values_are_understood():
    by_name = mms.encode("LinkMacToViewerReportStreamSwitch", hr="NS_E_FILE_NOT_FOUND")
    assert by_name == mms.encode("LinkMacToViewerReportStreamSwitch", hr=0xC00D001A)


def test_counts_stay_as_given():
    wire = mms.encode("LinkMacToViewerSecurityChallenge", packet=False, p_token=b"ab", cb_token=99)
    assert int.from_bytes(wire[16:20], "little") == 99


def test_token_data_may_stand_behind_a_gap():
    fields = {"file_name": "a", "token_data": b"xy", "token": 8}
    wire = mms.encode("LinkViewerToMacOpenFile", packet=False, **fields)
    assert wire[24:34] == b"a\0\0\0\0\0\0\0xy"
    assert wire[16:24] == struct.pack("<II", 8, 2)


def test_stale_padding_can_be_written():
    wire = mms.encode("LinkViewerToMacFunnelInfo", packet=False, pad=b"\x0b\x00\x04\x00")
    assert wire[12:] == b"\x0b\x00\x04\x00"


def test_strings_given_as_bytes_get_no_nul():
    name = "dir/a.wm".encode("utf-16-le")
    wire = mms.encode("LinkViewerToMacOpenFile", packet=False, file_name=name)
    assert len(wire) == 40


def test_subscriber_name_takes_several_strings():
    wire = mms.encode(
        "LinkViewerToMacConnect", packet=False, subscriber_name=["Spoooon!", "VIA: b"]
    )
    assert wire[20:52] == "Spoooon!\0VIA: b\0".encode("utf-16-le")


def test_lone_surrogates_are_written_as_they_are():
    wire = mms.encode("LinkViewerToMacOpenFile", packet=False, file_name="\ud800x")
    assert wire[24:30] == b"\x00\xd8x\0\0\0"


@pytest.mark.parametrize(
    ("name", "fields", "field"),
    [
        ("LinkMacToViewerPing", {"dw_param1": 2**32}, "dwParam1"),
        ("LinkMacToViewerPing", {"dw_param1": -1}, "dwParam1"),
        ("LinkMacToViewerPing", {"dw_param1": 1.5}, "dwParam1"),
        ("LinkMacToViewerPing", {"dw_param1": "nothing"}, "dwParam1"),
        ("LinkMacToViewerPing", {"seq": 65536}, "seq"),
        ("LinkMacToViewerPing", {"time_sent": 2**64}, "timeSent"),
        ("LinkMacToViewerPing", {"chunk_count": 2**32}, "chunkCount"),
        ("LinkMacToViewerPing", {"chunk_len": 1}, "chunkLen"),
        ("LinkMacToViewerPing", {"pad": 3}, "chunkLen"),
        ("LinkMacToViewerReportRedirect", {"wsz_location": "x" * 32768}, "cbLocation"),
        ("LinkMacToViewerReportOpenFile", {"unused1": b"short"}, "unused1"),
        ("LinkMacToViewerReportOpenFile", {"file_duration": "long"}, "fileDuration"),
        ("LinkViewerToMacConnect", {}, "subscriberName"),
        ("LinkViewerToMacConnect", {"subscriber_name": 5}, "subscriberName"),
        ("LinkViewerToMacConnectFunnel", {}, "funnelName"),
        ("LinkViewerToMacLogging", {"log": {"sz_os": "x" * 16}}, "szOS"),
        ("LinkViewerToMacLogging", {"log": {"sz_os": "\u0416"}}, "szOS"),
        ("LinkViewerToMacLogging", {"log": {"info": {"rate": 40000}}}, "rate"),
        ("LinkViewerToMacOpenFile", {"file_name": "ab", "token_data": b"x", "token": 2}, "token"),
        ("LinkViewerToMacStartPlaying", {"chunk_len": 6, "dw_link_bandwidth": 1},
         "dwLinkBandwidth"),
        ("LinkViewerToMacStreamSwitch", {"a_stream_entries": [(1, 2, 65536)]}, "wThinningLevel"),
        ("LinkViewerToMacStreamSwitch", {"a_stream_entries": b"12345"}, "aStreamEntries"),
        ("RequestPacketListResend", {"dw_begin_packet_list": [2**32]}, "dwBeginPacketList"),
        ("RequestPacketListResend", {"dw_begin_packet_list": [0] * 65536}, "wNumPackets"),
        ("Data", {"payload": bytes(65528)}, "PacketSize"),
        ("Data", {"payload": b"", "af_flags": 256}, "AFFlags"),
        ("NoSuchMessage", {}, "MID"),
    ],
)  # fmt: skip
def test_values_that_do_not_fit_are_refused_with_their_field(name, fields, field):
    with pytest.raises(EncodeError) as caught:
        mms.encode(name, **fields)
    assert caught.value.field == field


def test_unknown_fields_are_a_type_error():
    with pytest.raises(TypeError, match="no field 'dw_param3'"):
        mms.encode("LinkMacToViewerPing", dw_param3=1)
    with pytest.raises(ValueError, match="chunk_count"):
        mms.encode("LinkMacToViewerPing", chunk_count="both")


NUMBERS_ALONE = [
    ("LinkMacToViewerPing", "chunk_len"),
    ("LinkViewerToMacSecurityResponse", "chunk_len"),
    *(
        (message.name, message[field.start].python_name)
        for message in schema.MESSAGES
        for field in message.variable
        if field.start
    ),
]


@pytest.mark.parametrize("number", [(16 << 20) + 64, 2**32 - 1])
@pytest.mark.parametrize(("name", "field"), NUMBERS_ALONE)
def test_a_number_alone_makes_no_more_zeros_than_a_packet_may_have(name, field, number):
    message = schema.BY_NAME[name]
    some = {"bytes": b"\1" * 8, "utf16": "a"}
    values = {f.python_name: some[f.kind] for f in message.variable if f.kind in some}
    with pytest.raises(EncodeError, match="bytes that no value fills"):
        mms.encode(name, **values, **{field: number})


@pytest.mark.parametrize("name", ["LinkMacToViewerPing", "LinkViewerToMacOpenFile"])
def test_so_it_is_for_rows(name):
    tails = {f.python_name: ["a", "a"] for f in schema.BY_NAME[name].variable if f.kind == "utf16"}
    rows = mms.decode(mms.encode(name, **{key: one[0] for key, one in tails.items()}) * 2)[name]
    rows = rows.copy()
    rows["chunk_len"][1] = 1 << 26
    with pytest.raises(EncodeError, match=r"asks for 5368\d+ bytes that no value fills") as caught:
        mms.encode(name, rows, **tails)
    assert caught.value.offset == 1
