"""Run by test_no_memory with failing.c preloaded: every allocation fails once, then for good."""

import ctypes
import io
import struct
import sys
import threading
from collections.abc import Callable

import mmscodec
from mmscodec import mms, winmx
from tests.bindings.network import Network
from tests.capture import build, frames, recut, truth
from tests.capture.test_network_fragments import pieces, six
from tests.hostile.exhausted import WORKS

SHIM = ctypes.CDLL(None)
TABLES = ("packets", "messages", "data", "faults")
MEDIA = b"\1\0\0\0\x09\0\x28\0" + bytes(32)


def stream() -> bytes:
    ping = mms.encode("LinkMacToViewerPing")
    connect = mms.encode("LinkViewerToMacConnect", subscriber_name="NSPlayer/7.0" * 20)
    return (ping * 40 + connect + MEDIA) * 30


def tables(batch) -> list[bytes]:
    return [getattr(batch, name).tobytes() for name in TABLES]


def decode() -> object:
    return tables(mms.decode(STREAM))


def gather() -> object:
    batch = mms.decode(STREAM)
    names = batch.column("LinkViewerToMacConnect", "subscriber_name")
    return batch["LinkViewerToMacConnect"].tobytes(), list(names), bytes(batch.payload(3))


def feed() -> object:
    decoder = mms.Decoder()
    rows = [tables(decoder.feed(STREAM[at : at + 5000])) for at in range(0, len(STREAM), 5000)]
    return [*rows, tables(decoder.close())]


def fragments() -> object:
    network = Network()
    return [network.decode(frame) for frame in pieces(six, frames.udp(bytes(3000)), 512)]


def capture() -> object:
    with mmscodec.open(CAPTURE, protocols=None) as opened:
        rows = tables(opened)
        return [*rows, opened.flows.tobytes(), bytes(opened.stream(0))]


def batches() -> object:
    with mmscodec.open(CAPTURE) as opened:
        return [tables(batch) for batch in opened.iter_batches(rows=5)]


def written() -> object:
    target = io.BytesIO()
    with mmscodec.open(CAPTURE, protocols=None) as opened:
        opened.write_pcap(target)
    return target.getvalue()


def peer_tables(batch) -> list[bytes]:
    return [getattr(batch, name).tobytes() for name in ("packets", "nodes", "faults")]


def peers() -> object:
    return peer_tables(winmx.decode(PEERS))


def peers_feed() -> object:
    decoder = winmx.Decoder()
    rows = [peer_tables(decoder.feed(PEERS[at : at + 777])) for at in range(0, len(PEERS), 777)]
    return [*rows, peer_tables(decoder.close())]


def findings() -> object:
    found = mms.decode(STREAM[:6000]).findings, winmx.decode(PEERS[:4000]).findings
    return [rows.tobytes() for rows in found]


def encoded() -> object:
    batch = mms.decode(STREAM[:6000])
    nodes = winmx.decode(PEERS[:4000]).nodes
    return bytes(mms.encode(batch)), bytes(winmx.encode(nodes[: len(nodes) // 8 * 8]))


def many() -> object:
    decoders = mms.Decoders()
    numbers = [decoders.open() for _ in range(3)]
    batch = decoders.feed(numbers, [STREAM[:3001]] * 3)
    ends = [tables(decoders.close(number)) for number in numbers]
    peers = winmx.Decoders(max_streams=2)
    numbers = [peers.open() for _ in range(3)]
    rows = peers.feed(numbers, [PEERS[:3001]] * 3)
    lists = rows.packets.tolist(), rows.faults.tolist(), peers.expire(1).faults.tolist()
    return tables(batch), ends, lists


def sessions() -> object:
    with mmscodec.open(CAPTURE) as opened:
        rows = opened.sessions, opened.exchanges, opened.transitions
        return [table.tobytes() for table in rows]


def conversation() -> object:
    talk = winmx.Conversation()
    block = winmx.cipher.key_block(winmx.cipher.Role.SECONDARY_SERVER, bytes(range(16)))
    batches = [talk.feed("S>C", b"1" + block), talk.feed("C>S", PEERS[:500])]
    return repr(batches)


def at_once(*works: Callable[[], object]) -> object:
    """In two threads: an allocation of either of them fails."""
    found: list[object] = [None] * len(works)

    def run(number: int, work: Callable[[], object]) -> None:
        try:
            found[number] = work()
        except MemoryError:
            found[number] = MemoryError

    pool = [threading.Thread(target=run, args=pair) for pair in enumerate(works)]
    for thread in pool:
        thread.start()
    for thread in pool:
        thread.join()
    if MemoryError in found:
        raise MemoryError
    return found


def two_threads() -> object:
    return at_once(decode, peers)


def two_captures() -> object:
    return at_once(WORKS["storm"], WORKS["answers"])


def feeds_at_once() -> object:
    return at_once(feed, conversation)


def writers_at_once() -> object:
    return at_once(encoded, WORKS["extracted"])


# frames of 8 nodes, some of 9, one of a length that is no multiple of 12
PEERS = b"".join(
    struct.pack("<HH", 0x03A1, size) + bytes(size) for size in [96, 96, 96, 108, 96, 13] * 60
)
STREAM = stream()
CAPTURE = build.pcap(recut.ethernet(recut.read(truth.FOLDER / "libmms_notfound.pcap")))
#: a fragment without memory is dropped, and said to be
REPORTED = {"fragments"}


def attempt(work: Callable[[], object], k: int, sticky: int) -> tuple[object, int]:
    SHIM.failing_arm(k, sticky)
    try:
        result = work()
    except MemoryError:
        result = MemoryError
    return result, SHIM.failing_disarm()


def exhaust(work: Callable[[], object], sticky: int) -> int:
    """Number of allocations of `work`; each failed in turn."""
    good = work()
    k = 0
    while True:
        result, seen = attempt(work, k, sticky)
        if seen <= k:
            assert result == good
            return k
        if result != good and result is not MemoryError:
            assert work.__name__ in REPORTED, (work.__name__, k, sticky)
        assert work() == good, (work.__name__, k, sticky)
        k += 1


if __name__ == "__main__":
    for name in sys.argv[1:]:
        work = WORKS.get(name) or globals()[name]
        print(name, *(exhaust(work, sticky) for sticky in (0, 1)), flush=True)
