"""What facade targets begin with: vectors and captures of the tests, behind options of zero."""

import struct
from collections.abc import Iterator

import mmscodec
from mmscodec.asf import describe
from mmscodec.errors import MmsCodecError
from tools.fuzz import seeds

LENGTH = 4096  # bytes of a seed
#: Bytes of options in front of a stream.
OPTIONS = {"mms_decode": 8, "mms_rewrite": 1, "winmx_decode": 8, "winmx_conversation": 10}


def captures() -> Iterator[bytes]:
    """Captures of the tests, as many records of each as a seed may have."""
    for data in seeds.files():
        end = max((end for _, end in seeds.extents(data) if end <= LENGTH), default=LENGTH)
        yield data[:end]


def conversations() -> Iterator[bytes]:
    """Both directions of connections of captures, piece by piece, as `text_lines` takes them."""
    for path in seeds.captures():
        with mmscodec.open(path, protocols=None) as capture:
            flows = capture.flows
            for flow in flows:
                peer = int(flow["peer"])
                if peer < int(flow["flow"]):
                    continue
                out = b"\0\0"
                for side, number in ((0, int(flow["flow"])), (1, peer)):
                    size = min(int(flows["length"][number]), LENGTH // 2 - 100)
                    data = bytes(capture.read(number, 0, size))
                    for at in range(0, len(data), 600):
                        piece = data[at : at + 600]
                        out += struct.pack("<BH", side, len(piece)) + piece
                yield out


def headers() -> Iterator[bytes]:
    """ASF headers of the media that captures hold."""
    for data in seeds.streams():
        at = data.find(bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"))
        if at < 0:
            continue
        try:
            describe(data[at : at + LENGTH])
        except MmsCodecError:
            continue
        yield data[at : at + LENGTH]


def of(name: str) -> Iterator[bytes]:
    """Seeds of a target."""
    if name.startswith("capture"):
        yield from (bytes(2) + data for data in captures())
    elif name == "text_lines":
        yield from conversations()
    elif name == "asf_header":
        yield from headers()
    elif name == "asf_file":
        for data in headers():
            packets = b"".join(struct.pack("<BH", number, 300) for number in (0, 1, 2, 5, 5))
            yield struct.pack("<HB", 300, 5) + packets + bytes(2) + data
    elif name == "mms_encode":
        for number in range(28):
            yield bytes([number]) + b"\xff" * 8 + bytes(range(1, 200))
    else:
        front = bytes(OPTIONS[name])
        yield from (front + data[:LENGTH] for data in seeds.streams())
