"""Under valgrind: vectors, and the inputs that facade targets begin with, each once.

    PYTHONMALLOC=malloc valgrind ... python -m tools.sanitize.vectors

Buffers are exact: behind the last byte of a vector is no byte that may be read.
"""

import ctypes
import itertools
import sys

from mmscodec import mms, winmx
from tests import vectorfiles
from tools.fuzz import facade
from tools.fuzz.facade import seeds

SEEDS = 6  # of each facade target


def exact(data: bytes) -> ctypes.Array:
    """The bytes in memory of exactly their size."""
    return (ctypes.c_uint8 * len(data)).from_buffer_copy(data)


def main() -> None:
    """Decode, write again, and ask for everything."""
    count = 0
    for vector in vectorfiles.load("mms"):
        batch = mms.decode(exact(vector.data), transport=vector.transport)
        mms.encode(batch)
        for cut in range(0, len(vector.data), 7):
            mms.decode(exact(vector.data[:cut]))
        winmx.decode(exact(vector.data))
        count += 1
    for name, target in facade.TARGETS.items():
        for data in itertools.islice(seeds.of(name), SEEDS):
            target(data)
            count += 1
    print(f"{count} inputs", file=sys.stderr)


if __name__ == "__main__":
    main()
