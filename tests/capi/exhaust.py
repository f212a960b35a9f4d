"""Run by test_no_memory with failing.c preloaded: every allocation of the C interface fails."""

from tests.capi import given, table
from tests.capi.table import MMS
from tests.hostile.exhaust import exhaust

STREAM = given.sound()["server 0"][:9000]


def fed(chunk: int) -> object:
    """Rows of the stream; MemoryError where a call says so. What was found before stays good."""
    parts = []
    with table.decoder() as made:
        for at in range(0, len(STREAM), chunk):
            part = STREAM[at : at + chunk]
            status = MMS.feed(made, part, len(part))
            parts.append(table.rows(made))
            if status == table.NO_MEMORY:
                found, good = table.joined(parts), given.wanted(STREAM, chunk)
                assert all(good[name][: len(rows)] == rows for name, rows in found.items())
                assert MMS.feed(made, part, len(part)) == table.CLOSED
                assert MMS.reset(made) == table.OK
                raise MemoryError
            assert status == table.OK
        if MMS.finish(made) == table.NO_MEMORY:
            raise MemoryError
        return table.joined([*parts, table.rows(made)])


def small() -> object:
    return fed(100)


def whole() -> object:
    return fed(len(STREAM))


if __name__ == "__main__":
    for work in (small, whole):
        print(work.__name__, exhaust(work, 0), exhaust(work, 1), flush=True)
