"""The script itself; no program is needed."""

from mmscodec.cli import main
from mmscodec.schema import mms, winmx
from mmscodec.wireshark import dissector
from tests.wireshark import shark


def test_every_field_of_the_schema_has_a_filter():
    text = dissector()
    table = shark.TABLES["mmsc"]
    for message in mms.MESSAGES:
        for field in message.fields:
            if field.struct is None:
                assert f'"{table.name(message, field)}"' in text
    table = shark.TABLES["winmx"]
    for packet in winmx.PACKETS:
        for field in packet.fields:
            if field.struct is None and packet.link != "legacy":
                assert f'"{table.name(packet, field)}"' in text


def test_the_command_writes_it(tmp_path, capsys):
    path = tmp_path / "mms.lua"
    assert main(["wireshark", "-o", str(path)]) == 0
    assert path.read_text() == dissector()
    assert main(["wireshark"]) == 0
    assert capsys.readouterr().out == dissector()
    assert main(["wireshark", "-o", str(tmp_path / "no" / "file")]) == 1
    assert "No such file" in capsys.readouterr().err


def test_it_is_ascii_without_long_lines_of_code():
    assert dissector().isascii()
