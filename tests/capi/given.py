"""Streams for the C interface, and what the Python decoder makes of them."""

import random

import mmscodec
from mmscodec import mms
from tests.capi import table
from tests.capture.truth import FOLDER
from tests.mms import streams

#: Sizes of chunks; those of rows fall between them.
SIZES = (1, 7, 48, 1400, 65536, 1 << 30)


def sound() -> dict[str, bytes]:
    """Streams as peers send them: made ones, and those of real captures."""
    found = {"none": b"", "pings": streams.PING * 50}
    for seed in range(3):
        found[f"server {seed}"] = b"".join(
            streams.server_stream(random.Random(seed), varying=seed % 2 == 0, fake=seed == 2)
        )
    for path in sorted(FOLDER.glob("*.pcap"))[:4]:
        with mmscodec.open(path) as capture:
            for flow in range(min(2, len(capture.flows))):
                found[f"{path.stem} {flow}"] = bytes(capture.stream(flow))[:50_000]
    return found


def damaged(stream: bytes, seed: int) -> bytes:
    """With bytes changed, lost and put in."""
    rng = random.Random(seed)
    given = bytearray(stream)
    for _ in range(6 if given else 0):
        at = rng.randrange(len(given))
        given[at : at + rng.randrange(3)] = rng.randbytes(rng.randrange(4))
    return bytes(given)


def every() -> dict[str, bytes]:
    """All streams, whole and damaged."""
    found = sound()
    hurt = {f"{name}, damaged": damaged(stream, len(stream)) for name, stream in found.items()}
    return found | hurt


def wanted(stream: bytes, size: int) -> dict[str, list]:
    """Rows of `mms.Decoder` with the same chunks, as lists."""
    decoder = mms.Decoder()
    batches = [decoder.feed(stream[at : at + size]) for at in range(0, len(stream), size)]
    batches.append(decoder.close())
    return table.joined(
        [{name: getattr(batch, name).tobytes() for name in table.DTYPES} for batch in batches]
    )
