"""Files that people take for captures, by how they begin."""

from __future__ import annotations

#: Starts of files, and what they are.
_STARTS = {
    b"\xa1\xb2\x34\xcd": "a pcap variant of magic 0xa1b234cd",
    b"\xcd\x34\xb2\xa1": "a pcap variant of magic 0xa1b234cd",
    b"\xa1\x2b\x3c\x4d": "a pcap variant of magic 0xa12b3c4d",
    b"\x4d\x3c\x2b\xa1": "a pcap variant of magic 0xa12b3c4d",
    b"\xa1\xb2\xc3\xcb": "a pcap variant of magic 0xa1b2c3cb",
    b"\xcb\xc3\xb2\xa1": "a pcap variant of magic 0xa1b2c3cb",
    b"snoop\0\0\0": "a snoop file",
    b"RTSS": "a Network Monitor 1 file",
    b"GMBU": "a Network Monitor 2 file",
    b"TRSNIFF data": "a Sniffer file",
    b"PK\x03\x04": "a zip archive",
    b"PK\x05\x06": "an empty zip archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a\x07": "a rar archive",
    b"\x1f\x9d": "compressed by compress (.Z)",
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c": "an ASF media file",
    b"version https://git-lfs.github.com/spec/": (
        "a git-LFS pointer, the capture itself was not downloaded"
    ),
}
#: The magic numbers of pcap and the start of pcapng, as they stand in a file.
CAPTURE_STARTS = (
    b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d",
    b"\x0a\x0d\x0d\x0a",
)  # fmt: skip
_TEXT = frozenset((*range(0x20, 0x7F), 0x09, 0x0A, 0x0D))


def what_is(head: bytes) -> str:
    """What a file seems to be that is no capture; `head` is its start, 512 bytes tell most."""
    if not head:
        return "empty"
    for start, words in _STARTS.items():
        if head.startswith(start):
            return words
    if head[257:262] == b"ustar":
        return "a tar archive"
    for told in (_cut, _recoded, _text_mode, _lzma, _trace, _text):
        if words := told(head):
            return words
    return f"it begins with {head[:8].hex(' ')}"


def _cut(head: bytes) -> str:
    """A pcap file that ends inside of its header."""
    if head.startswith(CAPTURE_STARTS[:4]) and len(head) < 24:
        return f"a pcap file that is cut after {len(head)} of the 24 bytes of its header"
    return ""


def _recoded(head: bytes) -> str:
    """UTF-16 or UTF-8 as a shell or an editor writes what it takes for text."""
    wide = [head[first:8:2] for first in (0, 1) if not any(head[1 - first : 8 : 2])]
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or set(wide) & set(CAPTURE_STARTS):
        return "re-encoded as UTF-16, as a shell does that redirects binary output as text"
    body = head.removeprefix(b"\xef\xbb\xbf")
    if b"\xef\xbf\xbd" in body[:8]:
        return "re-encoded as UTF-8, which destroyed its bytes"
    first = body[:16].decode("utf-8", "ignore")[:4].encode("latin-1", "replace")
    if first in CAPTURE_STARTS and not head.startswith(CAPTURE_STARTS):
        return "re-encoded as UTF-8, each byte taken for a character of Latin-1"
    return ""


def _text_mode(head: bytes) -> str:
    """A LF that became CR LF: in pcapng it stands in the first four bytes."""
    if text_mode_pcap(head):
        return "a pcap file damaged by a transfer in text mode (each LF became CR LF)"
    if head.startswith((b"\r\n\r\r\r\n", b"\r\n\r\n", b"\n\r\n")):
        return "a pcapng file damaged by a transfer in text mode (LF and CR LF exchanged)"
    return ""


def text_mode_pcap(head: bytes) -> bool:
    """Whether a pcap file has LF (10) nowhere but behind CR (13), though it has some.

    One LF in 256 bytes stands behind CR by chance; text in a capture has CR LF, but there are
    other bytes around it.
    """
    count = head.count(b"\n")
    return (
        head.startswith(CAPTURE_STARTS[:4]) and count >= 3 and head.count(b"\r\n") == count
    )  # fmt: skip


def _lzma(head: bytes) -> str:
    """LZMA alone: properties, a power of two as dictionary size, the length or -1."""
    if len(head) < 13 or head[0] != 0x5D or head[13:14] not in (b"\0", b""):
        return ""
    size = int.from_bytes(head[1:5], "little")
    length = int.from_bytes(head[5:13], "little")
    plausible = size >= 4096 and not size & (size - 1)
    return "LZMA alone (.lzma)" if plausible and (length >> 48 in (0, 0xFFFF)) else ""


def _trace(head: bytes) -> str:
    """ETL: a buffer header of 72 bytes, its size a multiple of 1,024, then the log file header."""
    size = int.from_bytes(head[:4], "little")
    if len(head) < 76 or not size or size % 1024 or size > 16 << 20:
        return ""
    # WMI_BUFFER_HEADER.BufferType and the marker of a SYSTEM_TRACE_HEADER behind it
    return "an Event Trace Log (ETL)" if head[74:76] in (b"\x01\xc0", b"\x02\xc0") else ""


def _text(head: bytes) -> str:
    if head.startswith(CAPTURE_STARTS) or not _TEXT.issuperset(head[:512]):
        return ""
    kind = head.lstrip()[:9].lower()
    return "an HTML page" if kind.startswith((b"<!doctype", b"<html")) else "text"
