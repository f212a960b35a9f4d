"""Run by test_shared_objects: two threads use one object, by every pair of its methods."""

import sys
import tempfile
import threading
from itertools import combinations_with_replacement

import numpy as np

import mmscodec
from mmscodec import mms, winmx
from mmscodec.winmx import cipher

ROUNDS = 12
PATH = "tests/captures/mms/libmms_playlist.pcap"
PING = mms.encode("LinkMacToViewerPing")
MEDIA = b"".join(
    mms.encode("Data", location_id=i, play_incarnation=4, payload=bytes(200)) for i in range(900)
)
STREAM = PING * 20 + MEDIA  # long enough for kernels to let go of the GIL
LISTS = (bytes.fromhex("A1036000") + bytes(96)) * 3000 + b"\x60\4\2\0ab" * 50


def mms_batch():
    batch = mms.decode(STREAM)
    return {
        "decode": lambda: mms.decode(STREAM, out=batch),
        "decode a part": lambda: mms.decode(STREAM[:60_000], out=batch),
        "datagrams": lambda: mms.decode(STREAM, transport="udp", datagrams=[960], out=batch),
        "feed": lambda: mms.Decoder().feed(STREAM, out=batch),
        "read": lambda: [int(batch.data["offset"].sum()), len(batch.packets), batch.faults.text()],
        "columns": lambda: (batch["LinkMacToViewerPing"], batch.findings, repr(batch)),
        "payload": lambda: bytes(batch.payload(0)),
        "encode": lambda: mms.encode(batch),
    }


def mms_decoder():
    decoder = mms.Decoder()
    return {
        "feed": lambda: decoder.feed(STREAM),
        "feed a part": lambda: decoder.feed(STREAM[:50_001]),
        "state": lambda: (decoder.position, decoder.buffered, repr(decoder)),
        "init": lambda: decoder.__init__(),
    }


def closed_decoder():
    decoder = mms.Decoder()
    decoder.feed(STREAM[:-5])
    return {"feed": lambda: decoder.feed(STREAM), "close": decoder.close}


class Turning(list):
    """A sequence of chunks that lets other threads run whenever one is taken."""

    def __getitem__(self, i):
        chunk = super().__getitem__(i)
        return b"".join([chunk[k : k + 1] for k in range(200)])

    def __iter__(self):
        return (self[i] for i in range(len(self)))


def mms_decoders():
    many = mms.Decoders()
    numbers = [many.open() for _ in range(4)]
    return {
        "feed": lambda: many.feed(numbers, [STREAM] * 4),
        "feed turning": lambda: many.feed(numbers[:2], Turning([STREAM] * 2)),
        "open": many.open,
        "close": lambda: many.close(numbers[1]),
        "expire": lambda: many.expire(0),
        "buffered": lambda: many.buffered(numbers[0]),
    }


def winmx_decoders():
    many = winmx.Decoders()
    numbers = [many.open() for _ in range(4)]
    return {
        "feed": lambda: many.feed(numbers, [LISTS] * 4),
        "feed turning": lambda: many.feed(numbers[:2], Turning([LISTS] * 2)),
        "open": many.open,
        "close": lambda: many.close(numbers[1]),
        "expire": lambda: many.expire(0),
        "buffered": lambda: many.buffered(numbers[0]),
    }


def winmx_batch():
    batch = winmx.decode(LISTS)
    return {
        "decode": lambda: winmx.decode(LISTS, out=batch),
        "decode a run": lambda: winmx.decode(LISTS[: 100 * 2000], out=batch),
        "decode a part": lambda: winmx.decode(LISTS[300_000:], out=batch),
        "recycle": batch.recycle,
        "packets": lambda: batch.packets["length"].sum(),
        "nodes": lambda: batch.nodes["ip"].sum(),
        "records": lambda: batch.records["ip"].sum(),
        "faults": lambda: (batch.faults.text(), repr(batch)),
        "kind": lambda: (batch["UserInfoAcknowledgement"], batch.findings),
        "strings": lambda: batch.column("BrowseRequest", "user_name", "utf-7"),
    }


def winmx_decoder():
    decoder = winmx.Decoder()
    return {
        "feed": lambda: decoder.feed(LISTS),
        "feed a part": lambda: decoder.feed(LISTS[:50_001]),
        "state": lambda: (decoder.position, decoder.buffered),
    }


def stream():
    one = cipher.Stream(b"abcd")
    data = bytes(100_000)
    return {
        "decipher": lambda: one.decipher(data),
        "encipher": lambda: one.encipher(data),
        "into": lambda: one.decipher_into(data, bytearray(len(data))),
        "many": lambda: cipher.decipher_many([one, cipher.Stream(b"efgh")], [data, data]),
        "state": lambda: one.state,
        "set": lambda: setattr(one, "state", b"abcd"),
    }


def conversation():
    block = cipher.key_block(cipher.Role.SECONDARY_SERVER, bytes(range(16)))
    talk = winmx.Conversation()
    talk.feed("S>C", b"1" + block)
    data = bytes(60_000)
    return {
        "server": lambda: talk.feed("S>C", data),
        "client": lambda: talk.feed("C>S", data),
        "gap": lambda: talk.gap("C>S", 3),
        "state": lambda: (talk.positions, repr(talk)),
    }


def capture(**way):
    cap = mmscodec.open(PATH, **way)
    batches = mmscodec.open(PATH, **way)
    iterator = batches.iter_batches(rows=50)
    return {
        "tables": lambda: (len(cap.data), len(cap.faults), len(cap.sessions)),
        "payload": lambda: bytes(cap.payload(0)),
        "counts": lambda: cap.counts,
        "batches": lambda: [len(batch.data) for batch in cap.iter_batches(rows=50)],
        "next": lambda: next(iterator),
        "other batches": lambda: [len(batch.data) for batch in batches.iter_batches(rows=50)],
        "other tables": lambda: len(batches.data),
        "close": cap.close,
    }


def piped():
    return capture(mapped=False)


def sessions():
    cap = mmscodec.open(PATH)
    return {
        "sessions": lambda: [cap.session(i).as_dict() for i in range(len(cap.sessions))],
        "transitions": lambda: len(cap.transitions),
        "exchanges": lambda: len(cap.exchanges),
        "findings": lambda: len(cap.findings),
        "close": cap.close,
    }


def table():
    cap = mmscodec.open(PATH)
    whole, stream = cap.table("data", payload=True), mmscodec.open(PATH).stream_table("data")
    return {
        "export": whole.__arrow_c_stream__,
        "part": lambda: whole[5:50].select(["time", "payload"]).__arrow_c_stream__(),
        "schema": whole.__arrow_c_schema__,
        "stream": stream.__arrow_c_stream__,
        "length": lambda: len(whole),
        "another": lambda: cap.table("packets").__arrow_c_stream__(),
    }


def waiting_lists():
    waiting = winmx.WaitingLists()
    lists = np.zeros((2000, 2), np.int64)
    return {
        "put": lambda: waiting.put(7, lists),
        "put another": lambda: waiting.put(id(lists) % 5, lists[:3]),
        "take": lambda: waiting.take(7),
        "length": lambda: (len(waiting), repr(waiting)),
    }


def writers():
    cap = mmscodec.open(PATH)

    def written(name):
        with tempfile.TemporaryDirectory() as folder:
            if name == "pcap":
                return cap.write_pcap(f"{folder}/a.pcap")
            return cap.write_asf(0, f"{folder}/a.asf")

    return {
        "pcap": lambda: written("pcap"),
        "asf": lambda: written("asf"),
        "read": lambda: bytes(cap.read(0, 0, 100)),
        "stream": lambda: bytes(cap.stream(0)),
    }


def encoders():
    rows = mms.decode(PING * 4000)["LinkMacToViewerPing"]
    heads = mms.decode(MEDIA).data
    sizes = rows["chunk_len"].copy()

    def change():
        rows["chunk_len"] = 200
        rows["chunk_len"] = sizes

    nodes = np.zeros((2000, 8), winmx.RECORD_DTYPE)
    return {
        "encode": lambda: mms.encode("LinkMacToViewerPing", rows),
        "change": change,
        "decode": lambda: mms.decode(MEDIA).data.tobytes() == heads.tobytes(),
        # an output of each caller's own: whose bytes they are is for them to settle
        "lists": lambda: winmx.encode(nodes, out=bytearray(2000 * 100)),
    }


OBJECTS = {
    make.__name__: make
    for make in (
        mms_batch, mms_decoder, closed_decoder, mms_decoders, winmx_batch, winmx_decoders,
        winmx_decoder, stream, conversation, capture, piped, encoders, sessions, table,
        waiting_lists, writers,
    )
}  # fmt: skip
#: What a thread may be told: that the object is in use, used up, closed, or changed by the other.
TOLD = (RuntimeError, ValueError, IndexError, StopIteration)


def pair(make, one: str, two: str, told: set[str]) -> None:
    """Both methods at once on one new object, some times."""
    methods = make()
    ready = threading.Barrier(2)
    wrong: list[BaseException] = []

    def run(name):
        for _ in range(ROUNDS):
            ready.wait()
            try:
                methods[name]()
            except TOLD as error:
                told.add(type(error).__name__)
            except BaseException as error:
                wrong.append(error)

    pool = [threading.Thread(target=run, args=(name,)) for name in (one, two)]
    for thread in pool:
        thread.start()
    for thread in pool:
        thread.join()
    if wrong:
        raise AssertionError((make.__name__, one, two)) from wrong[0]


if __name__ == "__main__":
    sys.setswitchinterval(1e-6)
    told: set[str] = set()
    pairs = 0
    for one, two in combinations_with_replacement(OBJECTS[sys.argv[1]](), 2):
        pair(OBJECTS[sys.argv[1]], one, two, told)
        pairs += 1
    print("alive", pairs, *sorted(told))
