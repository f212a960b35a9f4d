"""Damaged captures: sessions and files come out of them, or an error of the package does."""

import random

import numpy as np
import pytest

import mmscodec
from mmscodec.errors import MmsCodecError
from tests.asf import make
from tests.capture import truth
from tests.sessions.play import capture, whole

ASF = make.asf(count=30)
WORDS = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\xce\xfa\x0b\xb0")


def damaged(data, chance):
    out = bytearray(data[:120_000])
    for _ in range(chance.choice([1, 5, 50, 400])):
        at = chance.randrange(24, len(out) - 4)
        if chance.random() < 0.7:
            out[at] = chance.randrange(256)
        else:
            out[at : at + 4] = chance.choice(WORDS)
    return bytes(out)


@pytest.mark.parametrize("name", ["libmms_seek.pcap", "vlc_udp.pcap", "libmms_playlist.pcap"])
@pytest.mark.parametrize("seed", range(8))
def test_damage_gives_what_is_left_or_an_error(name, seed, tmp_path):
    chance = random.Random(f"{name} {seed}")
    path = tmp_path / "damaged.pcap"
    path.write_bytes(damaged((truth.FOLDER / name).read_bytes(), chance))
    cap = mmscodec.open(path)
    for session in range(len(cap.sessions)):
        cap.session(session).as_dict()
        cap.session_rates(session, 0.01)
        for options in ({}, {"missing": "fill", "max_fill": 1 << 22}, {"segments": "split"}):
            try:
                made = cap.write_asf(session, tmp_path / "out.asf", **options)
            except MmsCodecError:
                continue
            for item in made:
                if item.path is not None:
                    assert item.path.stat().st_size == item.size
    assert np.all(cap.exchanges["session"] < len(cap.sessions))
    assert not list(tmp_path.glob("*.part"))


def test_an_interrupted_extraction_leaves_no_file(tmp_path):
    cap = capture(tmp_path, whole(ASF))

    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cap.write_asf(0, tmp_path / "out.asf", progress=stop)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["play.pcap"]


def test_a_directory_that_is_not_there_is_an_os_error(tmp_path):
    cap = capture(tmp_path, whole(ASF))
    with pytest.raises(FileNotFoundError):
        cap.write_asf(0, tmp_path / "none" / "out.asf")


def test_compressed_and_rotated_captures_give_the_same_file(tmp_path):
    import gzip

    capture(tmp_path, whole(ASF))
    data = (tmp_path / "play.pcap").read_bytes()
    (tmp_path / "play.pcap.gz").write_bytes(gzip.compress(data))
    frames = len(whole(ASF).frames)
    for number, keep in enumerate((range(frames // 2), range(frames // 2, frames))):
        capture(tmp_path, whole(ASF), keep=lambda i, _, k=keep: i in k, name=f"{number}.pcap")
    for source in (tmp_path / "play.pcap.gz", [tmp_path / "0.pcap", tmp_path / "1.pcap"]):
        cap = mmscodec.open(source)
        (made,) = cap.write_asf(0, tmp_path / "out.asf")
        assert made.path.read_bytes() == ASF.file


def test_directions_in_two_files_are_one_session(tmp_path):
    for who in "cs":
        capture(
            tmp_path, whole(ASF), keep=lambda _, frame, w=who: frame[0] == w, name=f"{who}.pcap"
        )
    cap = mmscodec.open([tmp_path / "s.pcap", tmp_path / "c.pcap"])
    (row,) = cap.sessions
    assert (row["partial"], row["unanswered"], row["entries"]) == (0, 0, 1)
    assert np.all(cap.exchanges["latency"][cap.exchanges["request"] >= 0] > 0)
    (made,) = cap.write_asf(0, tmp_path / "out.asf")
    assert made.path.read_bytes() == ASF.file


def hostile_header(**fields):
    """The header with numbers of File Properties replaced."""
    out = bytearray(ASF.header)
    places = {"preroll": 30 + 80, "flags": 30 + 88, "least": 30 + 92, "most": 30 + 96}
    for name, value in fields.items():
        size = 8 if name == "preroll" else 4
        out[places[name] : places[name] + size] = value.to_bytes(size, "little")
    return make.Asf(bytes(out), ASF.packets, ASF.packet_size)


def test_numbers_of_a_header_that_cannot_be_true_are_cut_to_what_fits(tmp_path):
    cap = capture(tmp_path, whole(hostile_header(preroll=(1 << 64) - 1, flags=1)))
    (made,) = cap.write_asf(0, tmp_path / "out.asf")
    assert made.packets == 30


@pytest.mark.parametrize("size", [0, 1 << 16, (1 << 32) - 1])
def test_a_packet_size_that_mms_cannot_carry_is_not_believed(tmp_path, size):
    cap = capture(tmp_path, whole(hostile_header(least=size, most=size)))
    (made,) = cap.write_asf(0, tmp_path / "out.asf")
    assert made.packet_size == 400


def test_padding_has_a_limit(tmp_path):
    cap = capture(tmp_path, whole(hostile_header(least=0xFFFF, most=0xFFFF)))
    with pytest.raises(MmsCodecError, match="max_fill"):
        cap.write_asf(0, tmp_path / "out.asf", max_fill=1 << 20)


def test_numbers_that_json_does_not_have_become_null(tmp_path, capsys):
    import json

    from mmscodec.cli import main

    play = whole(ASF)
    play.frames.clear()
    play.open().connect().open_file(ASF, file_duration=float("nan"))
    capture(tmp_path, play)
    assert main(["sessions", "--json", str(tmp_path / "play.pcap")]) == 0
    assert json.loads(capsys.readouterr().out, parse_constant=pytest.fail)["duration"] is None


def test_a_capture_without_mms_has_no_sessions(tmp_path):
    (tmp_path / "none.pcap").write_bytes((truth.FOLDER / "vlc_udp.pcap").read_bytes()[:24])
    cap = mmscodec.open(tmp_path / "none.pcap")
    assert len(cap.sessions) == len(cap.exchanges) == len(cap.transitions) == 0
    with pytest.raises(IndexError):
        cap.session(0)
