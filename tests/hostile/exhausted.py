"""What `tests.hostile.exhaust` calls of the layers above decoding: each is one public entry.

Inputs are small, because the time of such a test is the number of allocations.
"""

import random
import tempfile
from collections.abc import Callable
from pathlib import Path

import pyarrow

import mmscodec
from mmscodec import winmx
from mmscodec.convert import Options, convert
from mmscodec.explain import explain
from mmscodec.winmx import cipher
from mmscodec.winmx.nodes import WaitingLists
from tests.asf import make
from tests.capture import build, connection_play, tcp_play
from tests.capture.test_tcp_play import Pipe
from tests.capture.test_winmx_lists import TURNS, said
from tests.sessions import play
from tests.winmx import talks


def raw_of(*plays: play.Play) -> bytes:
    """A capture of sessions."""
    every = sorted((frame for one in plays for frame in one.frames), key=lambda frame: frame[0])
    return build.pcap([(play.START + ms * play.MS, frame) for ms, _, _, frame in every])


ASF = make.asf(count=4)
MEDIA = raw_of(play.whole(ASF))
LATER = raw_of(play.whole(ASF, port=40001, start=5000))
TALK = talks.capture(said(TURNS))
#: A kind of connection each; of the segments that are out of order, lost, damaged or renumbered the
#: first ones, so that there are some hundred allocations.
KINDS = {
    kind: [
        connection_play.Item(s, at, checksum=state)
        for s, at, state in sorted(
            connection_play.one(random.Random(seed), 0, (7, 2**32 - 300), kind)[0],
            key=lambda item: item[1],
        )[:60]
    ]
    for seed, kind in enumerate(connection_play.KINDS)
}
STORM = build.pcap(
    connection_play.capture([item for items in KINDS.values() for item in items]),
    magic=build.NANO,
)
MANY = build.pcap(
    tcp_play.timed(
        [
            segment
            for number in range(9)
            for segment in tcp_play.Connection(
                random.Random(number), number, (5, 9), sizes=(60, 90)
            ).handshake()
        ]
    ),
    magic=build.NANO,
)


SHORT = raw_of(play.Play().open().connect())


def extracted() -> object:
    with mmscodec.open(MEDIA) as capture, tempfile.TemporaryDirectory() as folder:
        made = capture.write_asf(0, Path(folder) / "out.asf")
        return [(one.packets, one.path.read_bytes()) for one in made]


def converted() -> object:
    with tempfile.TemporaryDirectory() as folder:
        for kind, name in (("arrow", "messages"), ("jsonl", "gaps")):
            with mmscodec.open(SHORT) as capture:
                options = Options(format=kind, tables=[name], whole=False)
                convert(capture, Path(folder) / kind, options)
        return (Path(folder) / "jsonl" / "gaps.jsonl").read_bytes()


def asked(raw: bytes, *names: str) -> list[object]:
    """Every row of tables, as a consumer of Arrow streams has it."""
    with mmscodec.open(raw) as capture:
        return [pyarrow.table(capture.table(name)).to_pylist() for name in names]


def mms_tables() -> object:
    return asked(SHORT, "messages", "faults", "LinkViewerToMacConnect")


def session_tables() -> object:
    return asked(SHORT, "transitions")


def peer_tables() -> object:
    return asked(TALK, "nodes", "NodeList")


def payloads() -> object:
    with mmscodec.open(MEDIA) as capture:
        return pyarrow.table(capture.table("data", payload=True)).to_pylist()


def parquet() -> object:
    with tempfile.TemporaryDirectory() as folder:
        with mmscodec.open(SHORT) as capture:
            options = Options(format="parquet", tables=["exchanges"], whole=False)
            convert(capture, Path(folder) / "out", options)
        made = [path for path in sorted(Path(folder).rglob("*")) if path.is_file()]
        return [(path.name, path.read_bytes()) for path in made]


def streamed() -> object:
    with mmscodec.open(MEDIA) as capture:
        stream = capture.stream_table("messages", rows=3)
        reader = pyarrow.RecordBatchReader.from_stream(stream)
        return [(batch.num_rows, batch.nbytes) for batch in reader]


def explained() -> object:
    with mmscodec.open(MEDIA) as capture:
        found = [str(thing) for thing in explain(capture, flow=1)]
        return found, [str(thing) for thing in explain(capture, frame=9)]


def ciphers() -> object:
    data, block = bytes(range(256)), cipher.key_block(cipher.Role.PRIMARY_SERVER, bytes(16))
    keys = cipher.stream_keys(block)
    streams = [cipher.Stream(key) for key in (*keys, *reversed(keys))]
    return (
        cipher.encipher_many(streams, [data] * 4),
        cipher.decipher_many(streams, [data] * 4),
        cipher.cache_encipher(data[:24], bytes(12)),
        cipher.cache_decipher(data[:24], bytes(12)),
        cipher.file_hash(data),
        winmx.decode(data, link="legacy").packets.tobytes(),
    )


def answers() -> object:
    found, waiting = [], WaitingLists()
    with mmscodec.open(TALK) as capture:
        found.append(capture.winmx.lists().tobytes())
        found.append(capture.winmx.intervals().tobytes())
        found.append(capture.winmx.history().tobytes())
    with mmscodec.open(TALK) as capture:
        batches = capture.iter_batches(rows=2)
        return found + [batch.winmx.answers(waiting).tobytes() for batch in batches]


def merged() -> object:
    with tempfile.TemporaryDirectory() as folder:
        for number, raw in enumerate((MEDIA, LATER)):
            (Path(folder) / f"{number}.pcap").write_bytes(raw)
        with mmscodec.open(folder) as capture:
            return [
                table.tobytes()
                for table in (capture.sessions, capture.exchanges, capture.transitions)
            ]


def rows_of(capture: mmscodec.Capture) -> list[bytes]:
    names = ("packets", "messages", "data", "faults", "gaps", "flows")
    return [getattr(capture, name).tobytes() for name in names]


def storm() -> object:
    with mmscodec.open(STORM, protocols=None) as capture:
        return rows_of(capture)


def piped_storm() -> object:
    with mmscodec.open(Pipe(STORM), protocols=None, spool=False) as capture:
        return rows_of(capture)


def spooled_storm() -> object:
    with mmscodec.open(Pipe(STORM), protocols=None) as capture:
        return rows_of(capture)


def detected_storm() -> object:
    with mmscodec.open(Pipe(STORM)) as capture:
        return rows_of(capture)


def evicted() -> object:
    with mmscodec.open(MANY, protocols=None, max_flows=4) as capture:
        return rows_of(capture)


def udp_session() -> object:
    with mmscodec.open(UDP) as capture:
        return [*rows_of(capture), capture.sessions.tobytes()]


UDP = raw_of(play.whole(ASF, udp=1037))
WORKS: dict[str, Callable[[], object]] = {
    work.__name__: work
    for work in (
        extracted, converted, streamed, explained, ciphers, answers, merged, storm,
        piped_storm, spooled_storm, detected_storm, evicted, udp_session, mms_tables,
        session_tables, peer_tables, payloads, parquet,
    )
}  # fmt: skip
