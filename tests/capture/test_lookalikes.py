"""Files that are no captures are named in words."""

import io
import lzma
import struct
import tarfile
import zipfile

import pytest

import mmscodec
from mmscodec.capture import lookalikes
from mmscodec.capture.compression import Decompressed

PCAP = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
PCAPNG = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)


def _tar() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo("a.pcap"))
    return out.getvalue()


def _zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.pcap", PCAPNG)
    return out.getvalue()


def _etl() -> bytes:
    return struct.pack("<I", 65536) + bytes(70) + b"\x02\xc0" + bytes(64)


FILES = {
    "text": (b"GET / HTTP/1.0\r\n\r\n", "text"),
    "html": (b"<!DOCTYPE html><html>", "an HTML page"),
    "utf-16": ("\ufeff" + PCAPNG.decode("latin-1"), "UTF-16"),
    "utf-8": (b"\xef\xbf\xbd\xc3\xb2\xef\xbf\xbd" + bytes(20), "UTF-8"),
    "latin-1 as utf-8": (PCAP.decode("latin-1").encode(), "UTF-8"),
    "latin-1 as utf-8 with its mark": (PCAP.decode("latin-1").encode("utf-8-sig"), "UTF-8"),
    "nanoseconds as utf-8": (b"\x4d\x3c\xc2\xb2\xc2\xa1\x02\0\x04\0" + bytes(20), "UTF-8"),
    "big-endian as utf-8": (b"\xc2\xa1\xc2\xb2\xc3\x83\xc3\x94\0\x02" + bytes(20), "UTF-8"),
    "utf-16 without a mark": (PCAP.decode("latin-1").encode("utf-16-le"), "UTF-16"),
    "utf-16 big-endian": (PCAPNG.decode("latin-1").encode("utf-16-be"), "UTF-16"),
    "pcap cut in its header": (PCAP[:10], "cut after 10 of the 24"),
    "text-mode": (PCAPNG.replace(b"\n", b"\r\n"), "text mode"),
    "compress": (b"\x1f\x9d\x90" + bytes(40), "compress"),
    "lzma": (lzma.compress(PCAPNG, format=lzma.FORMAT_ALONE), "LZMA alone"),
    "etl": (_etl(), "ETL"),
    "snoop": (b"snoop\0\0\0\0\0\0\2\0\0\0\4", "snoop"),
    "zip": (_zip(), "zip"),
    "7z": (b"7z\xbc\xaf\x27\x1c\0\4", "7z"),
    "rar": (b"Rar!\x1a\x07\x01\x00", "rar"),
    "tar": (_tar(), "tar"),
    "asf": (bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + bytes(14), "ASF"),
    "git-lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git-LFS"),
}


@pytest.mark.parametrize("name", FILES)
def test_what_is_no_capture_is_named(name: str) -> None:
    data, words = FILES[name]
    head = data.encode("utf-16-le") if isinstance(data, str) else data
    assert words in lookalikes.what_is(head)


@pytest.mark.parametrize("piece", [1, 7, 100_000])
@pytest.mark.parametrize("spool", [True, False])
@pytest.mark.parametrize("name", FILES)
def test_what_a_pipe_brings_is_named_as_a_file_is(name, spool, piece) -> None:
    """However few bytes a pipe gives at once."""
    data = FILES[name][0]
    head = data.encode("utf-16-le") if isinstance(data, str) else data
    source = io.BytesIO(head)
    pipe = type("Pipe", (), {"read": lambda self, size: source.read(min(size, piece))})()
    with mmscodec.open(pipe, spool=spool) as capture:
        len(capture.faults)
        ((_, why),) = capture.skipped
    assert why == lookalikes.what_is(head)


def test_unknown_bytes_are_shown() -> None:
    assert (
        lookalikes.what_is(b"\x91\x02\x03\x04\0\0\0\0\0")
        == "it begins with 91 02 03 04 00 00 00 00"
    )


def test_empty() -> None:
    assert lookalikes.what_is(b"") == "empty"


def test_zstd_window_of_256_mib_is_read() -> None:
    pytest.importorskip("backports.zstd", reason="zstd extra is missing")
    # a frame header that wants a window of 2**28, then one raw block, the last
    frame = b"\x28\xb5\x2f\xfd\x00" + bytes([(28 - 10) << 3])
    frame += (len(PCAPNG) << 3 | 1).to_bytes(3, "little") + PCAPNG
    read = Decompressed(io.BytesIO(frame), "zstd")
    assert read.read(1 << 16) == PCAPNG
    assert read.read(1 << 16) == b""
    assert read.take_faults() == []
