"""Captures that were reported: each stands for a kind, of which `kinds.py` makes others."""

import pytest

import mmscodec
from mmscodec.cli.main import main
from tests.capture import truth
from tests.sessions.test_kinds import media_of

FOLDER = truth.FOLDER.parent / "cases"
TINY = truth.FOLDER.parent / "own" / "media" / "tiny.asf"


def extracted(name, folder, capsys):
    """(status, names of the files, JSON lines) of `mmscodec extract`."""
    status = main(["extract", str(FOLDER / f"{name}.pcap"), "-o", str(folder), "--quiet"])
    return status, sorted(path.name for path in folder.iterdir()), capsys.readouterr().out


def payloads(cap):
    """Payloads of all media packets in the order of arrival."""
    return [bytes(cap.payload(row)) for row in (cap.data["kind"] == 0).nonzero()[0].tolist()]


def test_padding_length_left(tmp_path, capsys):
    status, names, _ = extracted("padding-length-left", tmp_path, capsys)
    assert (status, names) == (0, ["0000-sample.asf"])
    served = (truth.FOLDER / "media" / "sample.asf").read_bytes()
    assert served.startswith((tmp_path / names[0]).read_bytes())


def test_same_header_again_is_another_file(tmp_path):
    cap = mmscodec.open(FOLDER / "same-header-again.pcap")
    made = cap.write_asf(0, tmp_path / "out.asf")
    assert [(item.packets, item.duplicates, item.conflicts) for item in made] == [(10, 0, 0)] * 2
    assert [packet for item in made for packet in media_of(item)] == payloads(cap)
    assert not any(item.complete for item in made)


def test_live_numbering_that_restarts_keeps_the_order_of_arrival(tmp_path):
    cap = mmscodec.open(FOLDER / "live-numbering-restarts.pcap")
    (made,) = cap.write_asf(0, tmp_path / "out.asf")
    assert media_of(made) == payloads(cap)
    assert (made.missing, made.duplicates, made.complete) == ([], 0, False)
    assert (cap.sessions["location_jumps"], cap.sessions["locations_left_out"]) == (0, 0)


def test_data_longer_than_packet_size_are_kept(tmp_path, capsys):
    cap = mmscodec.open(FOLDER / "data-longer-than-packet-size.pcap")
    (made,) = cap.write_asf(0, tmp_path / "out.asf")
    assert [packet[:1500] for packet in media_of(made)] == payloads(cap)
    found = mmscodec.asf.describe(made.path.read_bytes())
    assert found.packet_size == made.packet_size == 1500
    assert any("longer than the 1400 bytes" in line for line in made.problems)


def test_a_file_name_keeps_its_letters(tmp_path, capsys):
    status, (name,), _ = extracted("file-name-cjk", tmp_path, capsys)
    assert status == 0
    assert name.startswith("0000-音楽音楽")
    assert name.endswith("音楽.wmv") or name.endswith("音.wmv")
    assert len(name.encode()) < 240


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("ファイル 名前.wmv", "ファイル_名前.wmv"),
        ("видео/Фильм №1.wmv", "Фильм_1.wmv"),
        ("हिन्दी फ़िल्म.asf", "हिन्दी_फ़िल्म.asf"),
        ("ไทยน้ำ.wma", "ไทยน้ำ.wma"),
        ("قصة.wmv?x=1", "قصة.wmv"),
        ("e\u0301te\u0301", "\u00e9t\u00e9.asf"),
        ("\u202egpj.wmv", "gpj.wmv"),
        ("a\x00b\x1b[31m\r\n.wmv", "a_b_31m_.wmv"),
        ("../../音", "音.asf"),
        ("\ud800x", "x.asf"),
        ("👍", "session.asf"),
        ("音" * 300 + ".wmv", "音" * 60 + ".wmv"),
        ("น้ำ" * 100, None),
    ],
)
def test_names_in_any_script(told, name):
    from mmscodec.cli.media_names import safe_name

    found = safe_name(told)
    assert len(found.encode()) <= 200
    if name is not None:
        import unicodedata

        assert found == unicodedata.normalize("NFC", name)
