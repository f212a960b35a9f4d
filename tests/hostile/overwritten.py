"""Run by test_overwritten: arrays that a user may write to are filled with anything, and then
everything is called. Errors and rows of nonsense are fine; the process has to live.

With `-v` it prints what it is about to call, so that a crash has a name.
"""

import contextlib
import io
import pickle
import random
import struct
import sys

import numpy as np

import mmscodec
from mmscodec import mms, winmx

VERBOSE = "-v" in sys.argv
ATTRIBUTES = ("flows", "packets", "messages", "data", "gaps", "faults", "nodes", "sessions",
              "exchanges", "transitions", "findings", "records", "not_understood")  # fmt: skip
EDGES = [0, 1, -1, 2**31 - 1, -(2**31), 2**32 - 1, 2**62, -(2**62), 2**63 - 1, -(2**63)]


def say(*words: object) -> None:
    if VERBOSE:
        print(*words, flush=True)


def fill(array: np.ndarray, rng: random.Random) -> bool:
    """Write anything over a part of the array, in place; False where it is read-only."""
    array = np.asarray(array)
    if array.dtype.hasobject or not len(array):
        return False
    with contextlib.suppress(ValueError):
        array.setflags(write=True)
    if not array.flags.writeable:
        return False
    names = array.dtype.names or ()
    for name in rng.sample(names, min(len(names), rng.randrange(1, 4))):
        column = array[name]
        rows = [rng.randrange(len(array)) for _ in range(rng.choice([1, 3, len(array)]))]
        for row in rows:
            if column.dtype.kind in "iu":
                value = rng.choice([*EDGES, rng.getrandbits(64), rng.randrange(300)])
                size = column.dtype.itemsize
                raw = (value % (1 << 8 * size)).to_bytes(size, "little")
                column[row] = np.frombuffer(raw, column.dtype.newbyteorder("<"))[0]
            elif column.dtype.kind == "U":
                column[row] = rng.choice(
                    ["", "tcp", "udp", "mms", "winmx", "C>S", "S>C", "1.2.3.4"]
                )
    if not names and array.dtype.kind in "iu":
        array[:] = np.frombuffer(rng.randbytes(array.nbytes), array.dtype).reshape(array.shape)
    return True


def use(thing: object, rng: random.Random, calls: dict) -> None:
    """Call everything, in any order."""
    names = list(calls)
    rng.shuffle(names)
    for name in names:
        say("  ", type(thing).__name__, name)
        with contextlib.suppress(Exception):
            calls[name]()


def exported(table) -> None:
    import pyarrow as pa

    pa.RecordBatchReader.from_stream(table).read_all()


def calls_of_capture(cap) -> dict:
    kinds = ["LinkMacToViewerReportOpenFile", "LinkViewerToMacStartPlaying",
             "LinkViewerToMacConnect", "NodeList", "QueueStatus"]  # fmt: skip
    calls = {name: lambda n=name: getattr(cap, n) for name in ATTRIBUTES}
    for kind in kinds:
        calls[f"[{kind}]"] = lambda k=kind: cap[k]
        calls[f"rows {kind}"] = lambda k=kind: cap.rows(k)
    calls["column"] = lambda: cap.column(kinds[2], "subscriber_name")
    for i in (0, 1, -1, 5, 40):
        calls[f"payload {i}"] = lambda n=i: bytes(cap.payload(n))
        calls[f"session {i}"] = lambda n=i: cap.session(n).as_dict()
        calls[f"stream {i}"] = lambda n=i: cap.stream(n)
        calls[f"asf {i}"] = lambda n=i: cap.write_asf(n, io.BytesIO())
        calls[f"rates {i}"] = lambda n=i: cap.session_rates(n)
    for name in ("flows", "packets", "messages", "data", "faults", "findings", "sessions",
                 "exchanges", "transitions", "gaps", "nodes", "winmx_packets"):  # fmt: skip
        calls[f"table {name}"] = lambda n=name: exported(cap.table(n))
    calls["payloads"] = lambda: exported(cap.table("data", payload=True))
    calls["session_column"] = lambda: cap.session_column("url")
    calls["pcap"] = lambda: cap.write_pcap(io.BytesIO(), flows=[0, 1])
    calls["texts"] = lambda: (cap.findings.text(), cap.faults.text(), repr(cap))
    calls["winmx"] = lambda: (cap.winmx.packets, cap.winmx.nodes, cap.winmx.faults,
                              cap.winmx.findings)  # fmt: skip
    calls["lists"] = lambda: (cap.winmx.lists(), cap.winmx.history(), cap.winmx.intervals())
    calls["answers"] = lambda: cap.winmx.answers()
    return calls


def capture(rng: random.Random, source) -> int:
    """A capture whose tables were made, changed, and used; or put in place by others."""
    filled = 0
    with mmscodec.open(source) as cap:
        calls = calls_of_capture(cap)
        first = rng.random() < 0.3
        if first:  # everything is there already
            use(cap, random.Random(0), calls)
        for name in rng.sample(ATTRIBUTES, rng.randrange(1, 6)):
            with contextlib.suppress(Exception):
                filled += fill(getattr(cap, name), rng)
        with contextlib.suppress(Exception):
            filled += fill(cap._by_message.positions, rng) if rng.random() < 0.2 else 0
        for _, batch in cap.winmx.batches if rng.random() < 0.5 else ():
            filled += fill(rng.choice([batch.nodes, batch.records]), rng)
        use(cap, rng, calls)
    return filled


def calls_of_batch(batch) -> dict:
    calls = {name: lambda n=name: getattr(batch, n) for name in ATTRIBUTES}
    names = (
        list(mms.MESSAGES)
        if isinstance(batch, mms.Batch)
        else ["NodeList", "QueueStatus", "BrowseRequest"]
    )
    for name in names:
        calls[name] = lambda n=name: batch[n]
        calls[f"rows {name}"] = lambda n=name: batch.rows(n)
    calls["column"] = lambda: batch.column("LinkViewerToMacConnect", "subscriber_name")
    calls["extents"] = lambda: batch.extents("LinkViewerToMacConnect", "subscriber_name")
    calls["browse"] = lambda: batch.column("BrowseRequest", "user_name")
    for i in (0, 1, -1, 7):
        calls[f"payload {i}"] = lambda n=i: bytes(batch.payload(n))
        calls[f"fields {i}"] = lambda n=i: batch.fields(n)
    for name in ("packets", "messages", "data", "faults", "findings", "nodes"):
        calls[f"table {name}"] = lambda n=name: exported(batch.table(n))
    calls["payloads"] = lambda: exported(batch.table("data", payload=True))
    calls["encode"] = lambda: mms.encode(batch)
    calls["encode nodes"] = lambda: winmx.encode(batch.nodes)
    calls["texts"] = lambda: (batch.findings.text(), batch.faults.text(), repr(batch))
    calls["text"] = lambda: batch.text()
    calls["again"] = lambda: pickle.loads(pickle.dumps(batch))
    return calls


def changed_state(batch, rng: random.Random):
    """The batch out of a pickle whose tables, numbers or bytes were changed."""
    make, state = batch.__reduce__()
    arrays = [part for part in flat(state) if isinstance(part, np.ndarray)]
    copies = {id(array): array.copy() for array in arrays}
    for array in rng.sample(arrays, rng.randrange(1, len(arrays) + 1)):
        fill(copies[id(array)], rng)

    def other(part):
        if isinstance(part, tuple):
            return tuple(map(other, part))
        if isinstance(part, np.ndarray):
            return copies[id(part)]
        if isinstance(part, bytes) and rng.random() < 0.3:
            return part[: rng.randrange(len(part) + 1)]
        if isinstance(part, int) and rng.random() < 0.3:
            return rng.choice([*EDGES, rng.randrange(5000)])
        return part

    return make(*other(state))


def flat(state):
    for part in state:
        yield from flat(part) if isinstance(part, tuple) else (part,)


def stream(rng: random.Random) -> bytes:
    parts = [mms.encode("LinkMacToViewerPing"),
             mms.encode("LinkViewerToMacConnect", subscriber_name="NSPlayer/7.0"),
             mms.encode("LinkMacToViewerReportOpenFile", file_packet_size=100),
             mms.encode("Data", location_id=1, play_incarnation=4, payload=bytes(90))]  # fmt: skip
    return b"".join(rng.choice(parts) for _ in range(60))


def peers(rng: random.Random) -> bytes:
    sizes = [rng.choice([96, 96, 108, 12, 13]) for _ in range(40)]
    lists = b"".join(struct.pack("<HH", 0x03A1, size) + rng.randbytes(size) for size in sizes)
    return lists + b"\x60\4\3\0ab\0" * 20


def batch(rng: random.Random, made) -> int:
    calls = calls_of_batch(made)
    if rng.random() < 0.3:
        use(made, random.Random(0), calls)
    filled = 0
    for name in rng.sample(ATTRIBUTES, 6):
        with contextlib.suppress(Exception):
            filled += fill(getattr(made, name), rng)
    use(made, rng, calls)
    with contextlib.suppress(Exception):
        again = changed_state(made, rng)
        use(again, rng, calls_of_batch(again))
    return filled


def once(kind: str, seed: int) -> int:
    rng = random.Random(seed)
    say(kind, seed)
    if kind == "mms":
        return batch(rng, mms.decode(stream(rng), transport=rng.choice(["tcp", "udp"])))
    if kind == "winmx":
        return batch(rng, winmx.decode(peers(rng)))
    return capture(rng, kind)


if __name__ == "__main__":
    kind, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    filled = sum(once(kind, seed) for seed in range(first, last))
    print("alive", last - first, filled)
