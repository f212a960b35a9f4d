"""Run with an example project on the path: its rows are those of `mms.Decoder`.

python -m tests.capi.use c|cpp|cython
"""

import importlib
import sys
import threading

from mmscodec import mms
from tests.capi import given, table


def rows_of(name: str, stream: bytes, size: int) -> dict[str, list]:
    """Rows of a project."""
    module = importlib.import_module(f"mms_rows_{name}")
    if name != "cython":
        found = module.decode(stream, size)
        if name == "c":
            assert list(found.pop("order")) == in_order(stream, size)
        return table.joined([found])
    decoder = module.Decoder()
    parts = [decoder.feed(stream[at : at + size]) for at in range(0, len(stream), size)]
    return table.joined([*parts, decoder.finish()])


def in_order(stream: bytes, size: int) -> list[int]:
    """Kinds of rows in the order of the stream, call by call: 1 a packet, to 4 a fault."""
    decoder, found = mms.Decoder(), []
    for at in range(0, len(stream) + size, size):
        batch = decoder.feed(stream[at : at + size]) if at < len(stream) else decoder.close()
        tables = (batch.packets, batch.messages, batch.data, batch.faults)
        rows = [(row, kind) for kind, rows in enumerate(tables, 1) for row in rows["offset"]]
        found += [kind for _, kind in sorted(rows)]
    return found


def compare(name: str, sizes: tuple[int, ...]) -> int:
    """How many streams were compared, each in chunks of every size."""
    streams = given.every()
    for title, stream in streams.items():
        for size in sizes:
            found = rows_of(name, stream, size)
            assert found == given.wanted(stream, size), (title, size)
    return len(streams)


def names() -> None:
    """The class of Cython shows the bytes of fields, however a message is cut."""
    decoder = importlib.import_module("mms_rows_cython").Decoder()
    stream = b"".join(
        mms.encode("LinkViewerToMacOpenFile", file_name=name, play_incarnation=1)
        for name in ("film.asf", "caf\u00e9/\u4e2d.wmv", "")
    )
    found = []
    for at in range(0, len(stream), 11):
        decoder.feed(stream[at : at + 11])
        found += decoder.names()
    decoder.finish()
    assert [*found, *decoder.names()] == ["film.asf", "caf\u00e9/\u4e2d.wmv", ""]


def errors(name: str) -> None:
    """What is no stream is refused."""
    for wrong in ("text", 3, None):
        try:
            rows_of(name, wrong, 1)  # type: ignore[arg-type]
        except TypeError:
            continue
        raise AssertionError(f"{wrong!r} was taken")


def at_once(name: str) -> None:
    """Two threads, each with a decoder of its own."""
    streams = [stream for stream in given.every().values() if len(stream) > 20_000][:2]
    found: list[object] = [None, None]

    def work(i: int) -> None:
        for _ in range(5):
            found[i] = rows_of(name, streams[i], 1400)

    pool = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for thread in pool:
        thread.start()
    for thread in pool:
        thread.join()
    assert found == [given.wanted(stream, 1400) for stream in streams]


def main(name: str) -> None:
    count = compare(name, (48, 1400, 1 << 30))
    errors(name)
    at_once(name)
    if name == "cython":
        names()
    print(name, count)


if __name__ == "__main__":
    main(sys.argv[1])
