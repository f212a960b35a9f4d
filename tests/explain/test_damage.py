"""Each kind of damage, made by hand: the explanation names the judgement that said no."""

import random

import pytest

import mmscodec
from mmscodec import mms, winmx
from mmscodec.explain import explain
from mmscodec.schema.faults import FaultCode
from tests.winmx import talks
from tests.winmx.talks import CLIENT, SERVER, Segment, Talk

ENDS = (("10.0.0.1", 40000), ("10.0.0.2", 1755))


def packet(seq, **fields):
    return mms.encode([("LinkMacToViewerReportStreamSwitch", fields)], seq=seq)


def data(number):
    return mms.encode(
        "Data", location_id=number, play_incarnation=4, af_flags=number, payload=b"\x82" * 60
    )


def session(damage):
    """A server's stream whose third packet is damaged, and the place of it."""
    before = packet(0, hr=0) + data(0) + data(1) + data(2)
    hurt = bytearray(packet(1, hr=0))
    damage(hurt)
    behind = data(3) + data(4) + packet(2, hr=1) + data(5)
    return before + bytes(hurt) + behind, len(before)


def opened(tmp_path, streams, lost=(), most=1400):
    made = Talk("mms", list(streams), [])
    for side, stream in enumerate(streams):
        for at in range(0, len(stream), most):
            made.segments.append(Segment(side, at, stream[at : at + most]))
    kept = [segment for i, segment in enumerate(made.segments) if i not in lost]
    path = tmp_path / "trace.pcap"
    path.write_bytes(talks.capture(made, kept, ports=ENDS))
    return mmscodec.open(str(path))


def faults(cap):
    """Explanations of all faults of flows."""
    out = []
    for row in cap.faults:
        found = explain(cap, flow=int(row["flow"]), at=int(row["offset"]))
        out += [(int(row["code"]), one) for one in found if one.kind == "fault"]
    return out


def put(at, size, value):
    def damage(raw):
        raw[at : at + size] = value.to_bytes(size, "little")

    return damage


CONNECT = mms.encode([("LinkViewerToMacFunnelInfo", {"play_incarnation": 0xF0F0F0EF})])


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (put(4, 4, 0xB00BFACF), "sessionId at 4"),
        (put(12, 4, 0x20534D4C), "seal at 12"),
        (put(8, 4, 33), "messageLength at 8"),
        (put(8, 4, 8), "messageLength at 8"),
        (put(8, 4, 0x7FFFFFF8), "messageLength at 8"),
        (put(32, 4, 0), "chunkLen"),
        (put(32, 4, 99), "chunkLen"),
    ],
)
def test_a_header_that_is_none(tmp_path, damage, said):
    stream, place = session(damage)
    with opened(tmp_path, [CONNECT, stream]) as cap:
        found = faults(cap)
        assert found
        one = found[0][1]
        assert place <= one.offset <= place + 48
        failed = [check.name for check in one.checks if not check.good]
        text = " ".join([*failed, *one.reasons])
        assert said in text
        assert "the next header that is believed stands at" in text
        assert 5 <= len(cap.data) <= 6


def test_rubbish_between_packets(tmp_path):
    rng = random.Random(5)
    before = packet(0, hr=0) + data(0) + data(1)
    stream = before + rng.randbytes(37) + data(2) + data(3) + data(4)
    with opened(tmp_path, [CONNECT, stream]) as cap:
        ((code, one),) = faults(cap)
        assert (code, one.offset, one.length) == (FaultCode.UNKNOWN_STRUCTURE, len(before), 37)
        assert [c.good for c in one.checks if c.name == "sessionId at 4"] == [False]
        assert f"stands at 0x{len(before) + 37:x}, 37 bytes on" in one.reasons[-1]


def test_a_message_that_is_too_short(tmp_path):
    stream, place = session(put(36, 4, 0x00040001))  # ReportConnectedEX has 64 bytes
    with opened(tmp_path, [CONNECT, stream]) as cap:
        one = next(one for code, one in faults(cap) if code == FaultCode.SHORT_MESSAGE)
        assert place <= one.offset <= place + 48
        assert "smaller than the fixed part" in one.reasons[0]


def test_a_hole(tmp_path):
    stream = packet(0, hr=0) + b"".join(map(data, range(60)))
    with opened(tmp_path, [CONNECT, stream], lost=(3,), most=700) as cap:
        gap = cap.gaps[0]
        found = list(explain(cap, flow=int(gap["flow"]), at=int(gap["offset"])))
        assert [one.kind for one in found if one.kind == "gap"] == ["gap"]
        said = " ".join(words for one in found for words in one.reasons)
        assert "captured" in said


def test_an_end_inside_of_a_packet(tmp_path):
    stream = packet(0, hr=0) + data(0) + packet(1, hr=0)[:-5]
    with opened(tmp_path, [CONNECT, stream]) as cap:
        code, one = faults(cap)[-1]
        assert code == FaultCode.TRUNCATED
        assert "the capture ends inside of it" in one.reasons[0]


def winmx_capture(tmp_path, made, segments=None, **options):
    path = tmp_path / "winmx.pcap"
    path.write_bytes(talks.capture(made, segments, **options))
    return mmscodec.open(str(path))


def enciphered(frames):
    """A secondary link whose server sends `frames`."""
    rng = random.Random(3)
    blocks = [winmx.cipher.key_block(role, rng.randbytes(16)) for role in talks.LINKS["secondary"]]
    down, _ = winmx.cipher.stream_keys(blocks[SERVER])
    body = winmx.cipher.Stream(down).encipher(b"".join(frames))
    streams = [blocks[CLIENT], b"1" + blocks[SERVER] + body]
    made = Talk("secondary", streams, [])
    made.segments = [
        Segment(SERVER, 0, b"1"), Segment(CLIENT, 0, blocks[CLIENT]),
        Segment(SERVER, 1, blocks[SERVER]), Segment(SERVER, 17, body),
    ]  # fmt: skip
    return made


@pytest.mark.parametrize(
    ("frame", "code", "said"),
    [
        (bytes.fromhex("a1031d00") + bytes(29), FaultCode.BAD_LENGTH, "no multiple"),
        (bytes.fromhex("60040100") + b"x", FaultCode.SHORT_FIELD, "ends inside of session_id"),
        (bytes.fromhex("89130400") + b"WinM", FaultCode.UNTERMINATED, "no 00 byte"),
    ],
)
def test_a_packet_of_winmx_that_is_cut(tmp_path, frame, code, said):
    good = winmx.encode("UserInfoAcknowledgement", session_id=7)
    with winmx_capture(tmp_path, enciphered([good, frame, good])) as cap:
        found = faults(cap)
        assert [number for number, _ in found] == [code]
        place = found[0][1]
        text = [
            words for one in explain(cap, flow=place.flow, at=place.offset) for words in one.reasons
        ]
        assert any(said in words for words in text), text


def test_a_key_block_that_does_not_check(tmp_path):
    made = enciphered([winmx.encode("UserInfoAcknowledgement", session_id=7)])
    hurt = bytearray(made.streams[SERVER])
    hurt[5] ^= 1
    made.streams[SERVER] = bytes(hurt)
    made.segments[2] = Segment(SERVER, 1, bytes(hurt[1:17]))
    with winmx_capture(tmp_path, made) as cap:
        code, one = faults(cap)[-1]
        assert code == FaultCode.BAD_KEY_BLOCK
        assert [check.good for check in one.checks] == [False, False]
        assert "does not check" in one.reasons[0]


def test_a_hole_in_a_cipher_stream(tmp_path):
    made = talks.talk(9, most=30)
    lost = next(i for i, s in enumerate(made.segments) if s.side == SERVER and s.offset > 40)
    kept = [segment for i, segment in enumerate(made.segments) if i != lost]
    with winmx_capture(tmp_path, made, kept) as cap:
        one = next(one for code, one in faults(cap) if code == FaultCode.CIPHER_BROKEN_BY_GAP)
        assert "nothing behind a hole can be deciphered" in one.reasons[0]
        assert any("are missing" in words for words in one.reasons)


def test_a_server_that_was_not_captured(tmp_path):
    made = talks.talk(9)
    with winmx_capture(tmp_path, made, sides=(CLIENT,)) as cap:
        one = next(one for code, one in faults(cap) if code == FaultCode.SERVER_KEY_BLOCK_MISSING)
        assert "which makes the keys" in one.reasons[0]


def test_every_fault_code_has_words():
    from mmscodec.explain.why import WORDS

    assert set(WORDS) == set(FaultCode)


def test_a_file_that_ends_inside_of_a_record(tmp_path):
    made = enciphered([winmx.encode("UserInfoAcknowledgement", session_id=7)])
    path = tmp_path / "cut.pcap"
    path.write_bytes(talks.capture(made)[:-5])
    with mmscodec.open(str(path)) as cap:
        row = next(row for row in cap.faults if row["flow"] < 0)
        (one,) = explain(cap, at=int(row["offset"]))
        assert "the file ends inside of a record" in one.reasons[0]
