"""What two clients say to each other before a file goes over (section 5.5).

The side that opened the connection asks for a file (GET) or offers one (SEND); the other one
answers with the size or with positions. Data of the file are no rows: they are what stands behind
the last row of the side that has the file.
"""

from __future__ import annotations

import re

import numpy as np

from mmscodec.schema.faults import FaultCode
from mmscodec.schema.winmx.dtypes import PACKET_ROWS
from mmscodec.winmx.batch import Batch
from mmscodec.winmx.faultrows import DATA, LENGTH
from mmscodec.winmx.unread import Progress, rest

GREETING, REQUEST, OFFER, SIZE, POSITIONS = 0x31, 0x47, 0x53, 0x5A, 0x50
HELD = 4096  # first bytes of each side that are looked at

_REQUEST = re.compile(rb'(GET|SEND)[^"]*"[^"]*"(?: [A-Za-z0-9]{1,12})?')
_SIZE = re.compile(rb"[0-9]{1,10}")


def scan_transfer(client: bytes, server: bytes) -> tuple[list, list, str]:
    """(offset, length, type) of what each side says, and the verb: GET, SEND, or "" for none."""
    asked, at = greeted(client)
    found = _REQUEST.match(client, at)
    answered, start = ([], 0) if asked else greeted(server)  # one side greets
    if found is None:
        return asked, answered, ""
    offers = found[1] == b"SEND"
    asked.append((at, found.end() - at, OFFER if offers else REQUEST))
    if offers:
        answered += positions(server, start)
        return asked, answered, "SEND"
    asked += positions(client, found.end())
    size = _SIZE.match(server, start)
    if size is not None:
        answered.append((start, size.end() - start, SIZE))
    return asked, answered, "GET"


def greeted(data: bytes) -> tuple[list[tuple[int, int, int]], int]:
    """The row of a greeting, if there is one, and where the rest begins."""
    return ([(0, 1, GREETING)], 1) if data[:1] == b"1" else ([], 0)


def positions(data: bytes, at: int) -> list[tuple[int, int, int]]:
    """Pairs of positions from `at` on."""
    return [(pos, 8, POSITIONS) for pos in range(at, len(data) - 7, 8)]


def decode_transfer(
    batches: list[Batch], data: tuple[bytes, bytes], progress: tuple[Progress, Progress]
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Fill the batches of both sides; the faults of bytes that are neither rows nor file."""
    client, server = (bytes(side[:HELD]) for side in data)
    *rows, verb = scan_transfer(client, server)
    faults: list[list[np.ndarray]] = [[], []]
    for number, (batch, raw, found) in enumerate(zip(batches, (client, server), rows)):
        direction = batch.direction
        adopt(batch, raw, found)
        batch.direction = direction
        has_file = number == (0 if verb == "SEND" else 1)
        if verb and has_file:
            continue  # what follows is the file
        side = progress[number]
        end = batch.consumed
        code = FaultCode.GAP if side.known < side.total else FaultCode.TRUNCATED
        if code is FaultCode.TRUNCATED and side.total > HELD:
            code = FaultCode.PENDING_DROPPED
        field = DATA if code is FaultCode.GAP else LENGTH
        faults[number] = rest(side, end, code, field, 8, side.total - end)
    return faults[0], faults[1]


def adopt(batch: Batch, raw: bytes, found: list[tuple[int, int, int]], start: int = 0) -> None:
    """Rows of a batch from (offset in `raw`, length, type); `raw` begins at offset `start`."""
    table = np.zeros(len(found), PACKET_ROWS)
    for row, (offset, length, kind) in zip(table, found):
        row["length"], row["type"], row["data_length"] = length, kind, length
        row["offset"] = start + offset
    end = found[-1][0] + found[-1][1] if found else 0
    batch.adopt(raw, "transfer", start, table, start + end)
