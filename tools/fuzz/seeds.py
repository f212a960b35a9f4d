"""What a target begins with, from the vectors and captures of the tests; words from the schema."""

import struct
from collections.abc import Iterator
from pathlib import Path

import mmscodec
from mmscodec.errors import CaptureError
from mmscodec.schema import mms
from tests import vectorfiles

CAPTURES = Path(vectorfiles.__file__).resolve().parent / "captures"
SMALL = 1 << 13  # bytes of a seed: libFuzzer is quick with small ones
PCAP_HEADER = 24
RECORD_HEADER = 16


def is_capture(path: Path) -> bool:
    """Whether it can be opened: some files are no captures any more, on purpose."""
    try:
        mmscodec.open(path).close()
    except CaptureError:
        return False
    return True


def captures() -> list[Path]:
    """Captures of the tests, but those that are none because of what was done to them."""
    found = (path for path in CAPTURES.rglob("*") if path.suffix in (".pcap", ".pcapng"))
    return sorted(path for path in found if is_capture(path))


def streams() -> Iterator[bytes]:
    """The beginnings of all captured flows, and the vectors."""
    for path in captures():
        with mmscodec.open(path, protocols=None) as cap:
            for flow in cap.flows:
                yield bytes(cap.read(int(flow["flow"]), 0, min(int(flow["length"]), SMALL)))
    for vector in vectorfiles.load("mms"):
        yield vector.data


def files() -> Iterator[bytes]:
    """The beginnings of captures, up to the end of a record."""
    for path in captures():
        data = path.read_bytes()
        yield b"".join(data[begin:end] for begin, end in extents(data)) or data[:SMALL]


def extents(data: bytes) -> Iterator[tuple[int, int]]:
    """Begin and end of the header and of the first records of a little-endian pcap file."""
    if data[:4] != b"\xd4\xc3\xb2\xa1":
        return
    yield 0, PCAP_HEADER
    at = PCAP_HEADER
    while at + RECORD_HEADER <= len(data):
        end = at + RECORD_HEADER + struct.unpack_from("<I", data, at + 8)[0]
        if end > SMALL:
            return
        yield at, end
        at = end


def frames() -> Iterator[bytes]:
    """Frames as `network_frames` takes them."""
    for data in files():
        parts = list(extents(data))[1:]
        if parts:
            link = struct.unpack_from("<I", data, 20)[0] & 0xFFFF
            yield struct.pack("<H", link) + b"".join(
                struct.pack("<HB", end - begin - RECORD_HEADER, 0)
                + data[begin + RECORD_HEADER : end]
                for begin, end in parts
            )


def segments() -> Iterator[bytes]:
    """Streams as segments of `tcp_reassembly`, in order and each second pair turned round."""
    for data in streams():
        parts = [
            struct.pack("<BIBH", 0x10, at, 0, len(data[at : at + 200])) + data[at : at + 200]
            for at in range(0, min(len(data), 2000), 200)
        ]
        yield struct.pack("<BIBH", 0x02, 0xFFFFFFFF, 0, 0) + b"".join(parts)
        yield b"".join(parts[1::2] + parts[::2])


def of(target: str) -> Iterator[bytes]:
    """Seeds of a target; options in front are zeros."""
    if target == "network_frames":
        yield from frames()
    elif target == "tcp_reassembly":
        yield from segments()
    elif target.startswith("capture"):
        yield from (b"\0" + data for data in files())
    elif target == "mms_datagrams":
        yield from (struct.pack("<HB", len(data), 0) + data for data in streams())
    elif target == "mms_stream":
        yield from (bytes(5) + data for data in streams())
    elif target == "asf_packet":
        for data in streams():
            for row in mmscodec.mms.decode(data).data[:4]:
                yield b"\0" + data[int(row["offset"]) + 8 :][: int(row["length"]) - 8]
    else:
        yield from (b"\0" + data for data in streams())


def dictionary() -> str:
    """Words that a fuzzer would not guess: signatures, MIDs, magics, link and ether types."""
    words = [bytes.fromhex("cefa0bb0"), b"MMS ", struct.pack("<I", 0xA1B2C3D4)]
    words += [struct.pack("<I", 0x0A0D0D0A), struct.pack("<I", 0x1A2B3C4D), bytes(16)]
    words += [struct.pack("<I", message.mid) for message in mms.MESSAGES]
    words += [struct.pack(">H", kind) for kind in (0x0800, 0x86DD, 0x8100, 0x8847, 0x8864)]
    words += [struct.pack("<HH", 0x03A1, 96), b"GET ", b"\x45\0", b"\x60\0", b"\x82\0\0"]
    return "".join(
        '"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n' for word in dict.fromkeys(words)
    )
