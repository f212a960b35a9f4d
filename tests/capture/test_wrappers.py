"""File objects around other file objects: read as they read, mapped where they are plain views."""

import tempfile
from pathlib import Path

import mmscodec

SESSION = Path(__file__).resolve().parents[1] / "captures" / "mms" / "ffmpeg_tcp.pcap"


class Deciphered:
    """A reader whose `file` holds other bytes than it gives."""

    def __init__(self, file):
        self.file = file

    def read(self, size=-1):
        return bytes(byte ^ 0x55 for byte in self.file.read(size))


def test_a_wrapper_gives_its_own_bytes_whatever_file_it_has():
    capture = SESSION.read_bytes()
    with tempfile.TemporaryFile() as hidden:
        hidden.write(bytes(byte ^ 0x55 for byte in capture))
        hidden.seek(0)
        cap = mmscodec.open(Deciphered(hidden))
        assert len(cap.messages) == len(mmscodec.open(capture).messages) > 0


def test_a_temporary_file_is_mapped():
    with tempfile.NamedTemporaryFile() as file:
        file.write(SESSION.read_bytes())
        file.seek(0)
        cap = mmscodec.open(file)
        assert len(cap.data)
        assert bytes(cap.payload(0))  # only what can be read again has its payloads
