"""TcpMessageHeader: its own fields, and what follows from one packet to the next."""

from __future__ import annotations

import numpy as np

from mmscodec.mms._gather import order_of
from mmscodec.mms.findings.fields import check_struct
from mmscodec.mms.findings.tables import Tables
from mmscodec.schema import mms
from mmscodec.schema.findings import FindingCode, FindingTable, Severity

_HEADER = mms.TCP_MESSAGE_HEADER
_PACKETS = FindingTable.PACKETS


def check_headers(tables: Tables) -> None:
    """Every rule of TcpMessageHeader."""
    packets = tables.packets
    if len(packets) == 0:
        return
    if tables.heads is not None:
        heads = tables.heads
        heads["mbz"] = 0  # a carry of seq is told from other values below
        check_struct(tables, _PACKETS, _HEADER, _HEADER, np.arange(len(packets)), heads, "", 0)
    _check_chunk_count(tables)
    _check_sequence(tables)
    _check_message_count(tables)


def _check_chunk_count(tables: Tables) -> None:
    """The specification wants the whole packet / 8, every real peer sends messageLength / 8."""
    packets = tables.packets
    whole = packets["length"].astype(np.int64) // 8
    count = packets["chunk_count"]
    at = np.flatnonzero(count != whole)
    severity = np.where(count[at] == whole[at] - 2, Severity.DEVIATION, Severity.VIOLATION)
    tables.add(_PACKETS, at, FindingCode.CHUNK_COUNT, (_HEADER, "chunkCount"), severity,
               count[at], whole[at])  # fmt: skip


def _check_sequence(tables: Tables) -> None:
    """seq counts up by one from 0, MBZ is 0, timeSent does not run backwards."""
    packets = tables.packets
    flow = tables.flows(packets)
    order = order_of([flow, packets["offset"]])
    first = np.ones(len(order), bool)
    first[1:] = flow[order[1:]] != flow[order[:-1]]
    rows, before = order[~first], order[np.flatnonzero(~first) - 1]
    start = order[first]
    start = start[(packets["offset"][start] == 0) & (packets["seq"][start] != 0)]
    # a stream that was joined in the middle looks the same, so this is no violation
    tables.add(_PACKETS, start, FindingCode.SEQ_START, (_HEADER, "seq"), Severity.DEVIATION,
               packets["seq"][start])  # fmt: skip
    unbroken = ~_fault_between(tables, rows, before)
    rows, before = rows[unbroken], before[unbroken]
    seq, wanted = packets["seq"][rows], packets["seq"][before] + np.uint16(1)
    at = seq != wanted
    tables.add(_PACKETS, rows[at], FindingCode.SEQ_STEP, (_HEADER, "seq"), Severity.VIOLATION,
               seq[at], wanted[at])  # fmt: skip
    wide = packets["seq"].astype(np.uint32) | packets["mbz"].astype(np.uint32) << np.uint32(16)
    carried = rows[(packets["mbz"][rows] != 0) & (wide[rows] == wide[before] + np.uint32(1))]
    tables.add(_PACKETS, carried, FindingCode.SEQ_CARRY, (_HEADER, "MBZ"), Severity.DEVIATION,
               packets["mbz"][carried])  # fmt: skip
    wrong = np.setdiff1d(np.flatnonzero(packets["mbz"]), carried)
    tables.add(_PACKETS, wrong, FindingCode.NOT_EQUAL, (_HEADER, "MBZ"), Severity.VIOLATION,
               packets["mbz"][wrong])  # fmt: skip
    back = packets["time_sent"][rows] < packets["time_sent"][before]
    tables.add(
        _PACKETS, rows[back], FindingCode.TIME_BACKWARDS, (_HEADER, "timeSent"),
        Severity.UNINITIALISED, packets["time_sent"][rows[back]],
        packets["time_sent"][before[back]],
    )  # fmt: skip


def _fault_between(tables: Tables, rows: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Where bytes were skipped or lost between a packet and the one before it."""
    faults, packets = tables.faults, tables.packets
    if len(faults) == 0:
        return np.zeros(len(rows), bool)
    flow = tables.flows(packets)
    offsets = np.asarray(faults["offset"])
    out = np.zeros(len(rows), bool)
    fault_flow = tables.flows(faults)
    for number in np.unique(fault_flow):
        inside = np.flatnonzero(flow[rows] == number)
        places = np.sort(offsets[fault_flow == number])
        low = np.searchsorted(places, packets["offset"][before[inside]], "left")
        high = np.searchsorted(places, packets["offset"][rows[inside]], "right")
        out[inside] = high > low
    return out


def _check_message_count(tables: Tables) -> None:
    """Clients must not put several messages into one packet, servers should not."""
    packets = tables.packets
    at = np.flatnonzero(packets["message_count"] > 1)
    if len(at) == 0:
        return
    mids = tables.messages["mid"][packets["first_message"][at]]
    severity = np.where(mids >> 16 == 3, Severity.VIOLATION, Severity.DEVIATION)
    tables.add(_PACKETS, at, FindingCode.SEVERAL_MESSAGES, (_HEADER, "MMS message"), severity,
               packets["message_count"][at], 1)  # fmt: skip
