"""The states of both sides over time: spec sections 10.3, 10.4, as far as a capture shows."""

from __future__ import annotations

import numpy as np

from mmscodec.schema.dtypes import table
from mmscodec.sessions.entries import Entry
from mmscodec.sessions.headers import complete_headers

#: Rows of `cap.transitions`.
TRANSITIONS = table(
    40, session=("i4", 0), side=("u1", 4), before=("u1", 5), after=("u1", 6), time=("i8", 8),
    message=("i8", 16), data=("i8", 24),
)  # fmt: skip

NONE, INIT, READY, STREAMING, CLOSED = range(5)
#: Meaning of `transitions["before"]` and `["after"]`.
STATES = {NONE: "-", INIT: "INIT", READY: "READY", STREAMING: "STREAMING", CLOSED: "CLOSED"}
CLIENT, SERVER = 0, 1
SIDES = {CLIENT: "client", SERVER: "server"}

#: What the states of a session depend on, beside its messages: time of the end of its connection
#: (-1 = not seen), fileAttributes, major version of the server (which decides what an EndOfStream
#: means), and whether Data came over UDP, so that a playlist change stops the server.
STANCES = table(
    24, ended=("i8", 0), attributes=("u4", 8), server_major=("i4", 12), udp=("u1", 16),
)  # fmt: skip


def events_of(entries: list[Entry], data: np.ndarray) -> np.ndarray:
    """What the Data packets of a session show: the ends of headers, and starts of playback.

    Returns
    -------
    numpy.ndarray
        int64, shape (n, 3): time, row in `data` and tag of the first packet of each start, whether
        its messages were captured or not; of the last packet of each complete header, with tag -1.
        By time.
    """
    times = data["time"]
    out = [(time, row, -1) for time, row in complete_headers(entries, data)]
    for entry in entries:
        for segment in entry.segments:
            row = int(segment.rows[np.argmin(times[segment.rows])])
            out.append((int(times[row]), row, segment.incarnation))
    return np.array(sorted(out), np.int64).reshape(-1, 3)
