"""Streams of both protocols for tests of many connections, and their rows as lists."""

import random

from hypothesis import strategies as st

from mmscodec import mms, winmx
from tests.mms import streams
from tests.winmx import vectors

PING = streams.PING
FRAME = bytes.fromhex("600402001653")
LISTS = vectors.NODE_LIST * 3 + b"\xa1\x03\x0d\0" + bytes(13) + vectors.BROWSE_REQUEST
ODD = LISTS + b"\2\0\3\0abc" + vectors.STREAM

PINGED_MEDIA = b"".join(
    mms.encode("Data", location_id=i, play_incarnation=4, af_flags=i % 256, payload=bytes(1440))
    + PING * (i % 5 == 4)
    for i in range(60)
)


def sound_mms(seed: int) -> bytes:
    """What a server sends, or what a client does."""
    rng = random.Random(seed)
    if seed % 3 == 2:
        return PING * 5 + mms.encode("LinkViewerToMacOpenFile", file_name="a", play_incarnation=3)
    return b"".join(streams.server_stream(rng, 12, varying=seed % 2 == 0))


def damaged_mms(seed: int) -> bytes:
    """The same with bytes changed, lost and put in."""
    rng = random.Random(seed)
    stream = bytearray(sound_mms(seed))
    for _ in range(6):
        at = rng.randrange(len(stream))
        stream[at : at + rng.randrange(3)] = rng.randbytes(rng.randrange(4))
    return bytes(stream)


def any_winmx(seed: int) -> bytes:
    """Frames, and bytes that are read as frames."""
    return ODD * (seed % 3) + random.Random(seed).randbytes(seed % 700)


#: For a number of streams and of steps: which stream is fed next, and how many bytes.
STEPS = st.lists(st.tuples(st.integers(0, 5), st.integers(1, 4000)), max_size=60)


def interleaved(given: list[bytes], steps: list[tuple[int, int]]) -> list[list[tuple[int, bytes]]]:
    """Calls of (stream, chunk) that feed every stream to its end."""
    rest = dict(enumerate(given))
    calls: list[list[tuple[int, bytes]]] = [[]]
    for which, size in [*steps, *((i, 1 << 20) for i in rest)]:
        number = which % len(given)
        calls[-1].append((number, rest[number][:size]))
        rest[number] = rest[number][size:]
        if size % 3 == 0:
            calls.append([])
    return calls


MMS_TABLES = ("packets", "messages", "data", "faults")
WINMX_TABLES = ("packets", "nodes", "faults")


def columns_of(row) -> dict:
    """What a row says of its thing: without numbers of rows, which count in a batch."""
    left_out = ("first_message", "packet", "time", "flow", "direction", "position")
    return {name: row[name].tolist() for name in row.dtype.names or () if name not in left_out}


def rows_of(batch, names, flow=None) -> dict[str, list]:
    """Rows of each table as dictionaries, those of one connection or of all."""
    out: dict[str, list] = {}
    for name in names:
        table = getattr(batch, name)
        if flow is not None:
            table = table[table["flow"] == flow]
        out[name] = [columns_of(row) for row in table]
    return out


def joined(parts: list[dict[str, list]]) -> dict[str, list]:
    """Rows of several batches, one behind the other."""
    names = parts[0] if parts else {}
    return {name: [row for part in parts for row in part[name]] for name in names}


def of_many(decoders, given, calls, names) -> list[dict[str, list]]:
    """Rows of each stream, of decoders that are fed with all of them."""
    numbers = [decoders.open() for _ in given]
    found: list[list] = [[] for _ in given]
    out = type(decoders.feed([], []))()
    for call in calls:
        batch = decoders.feed([numbers[i] for i, _ in call], [chunk for _, chunk in call], out=out)
        for i, number in enumerate(numbers):
            found[i].append(rows_of(batch, names, number))
    for i, number in enumerate(numbers):
        found[i].append(rows_of(decoders.close(number), names, number))
    assert len(decoders) == 0
    return [joined(parts) for parts in found]


def of_one(decoder, stream: bytes, calls, which: int, names) -> dict[str, list]:
    """Rows of one stream by a decoder of its own, with the same chunks."""
    parts = [
        rows_of(decoder.feed(chunk), names) for call in calls for i, chunk in call if i == which
    ]
    return joined([*parts, rows_of(decoder.close(), names)])


MODULES = {"mms": (mms, PING), "winmx": (winmx, FRAME)}
