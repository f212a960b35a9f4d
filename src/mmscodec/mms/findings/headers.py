"""TcpMessageHeader: its own fields, and what follows from one packet to the next."""

from __future__ import annotations

import numpy as np

from mmscodec.blocks import blocks
from mmscodec.mms._gather import order_of
from mmscodec.mms.findings.fields import check_struct
from mmscodec.mms.findings.tables import Part, Places, Tables
from mmscodec.schema import mms
from mmscodec.schema.findings import FindingCode, FindingTable, Severity

_HEADER = mms.TCP_MESSAGE_HEADER
_PACKETS = FindingTable.PACKETS


def check_headers(part: Part) -> None:
    """Every rule of a TcpMessageHeader by itself."""
    if len(part.packets) == 0:
        return
    heads = part.heads()
    if heads is not None:
        heads["mbz"] = 0  # a carry of seq is told from other values below
        check_struct(part, _PACKETS, _HEADER, _HEADER, np.arange(len(heads)), heads, "", 0)
    _check_chunk_count(part)
    _check_message_count(part)


def _check_chunk_count(part: Part) -> None:
    """The specification wants the whole packet / 8, every real peer sends messageLength / 8."""
    packets = part.packets
    whole = packets["length"].astype(np.int64) // 8
    count = packets["chunk_count"]
    at = np.flatnonzero(count != whole)
    severity = np.where(count[at] == whole[at] - 2, Severity.DEVIATION, Severity.VIOLATION)
    part.add(_PACKETS, at, FindingCode.CHUNK_COUNT, (_HEADER, "chunkCount"), severity,
               count[at], whole[at])  # fmt: skip


def check_sequence(tables: Tables) -> None:
    """seq counts up by one from 0, MBZ is 0, timeSent does not run backwards."""
    packets = tables.packets
    if len(packets) == 0:
        return
    flow, order = None, None
    if tables.capture:  # in a stream they stand in order
        flow = packets["flow"]
        order = order_of([flow, packets["offset"]])
    faults = _Faults(tables)
    last = np.empty(0, np.int64)
    for here in blocks(len(packets)):
        rows = np.arange(here.start, here.stop) if order is None else order[here].astype(np.int64)
        chain = np.concatenate([last, rows])
        joined = np.ones(len(chain) - 1, bool)
        if flow is not None:
            joined = flow[chain[1:]] == flow[chain[:-1]]
        firsts = np.concatenate([chain[: 1 - len(last)], chain[1:][~joined]])
        _check_starts(tables, firsts)
        after, before = chain[1:][joined], chain[:-1][joined]
        unbroken = ~faults.between(before, after)
        _check_steps(tables, rows, after[unbroken], before[unbroken])
        last = rows[-1:]


def _check_starts(tables: Tables, rows: np.ndarray) -> None:
    """The first packet of each flow."""
    packets = tables.packets
    start = rows[(packets["offset"][rows] == 0) & (packets["seq"][rows] != 0)]
    # a stream that was joined in the middle looks the same, so this is no violation
    tables.add(_PACKETS, start, FindingCode.SEQ_START, (_HEADER, "seq"), Severity.DEVIATION,
               packets["seq"][start])  # fmt: skip


def _check_steps(tables: Tables, block: np.ndarray, rows: np.ndarray, before: np.ndarray) -> None:
    """Packets `rows` that follow those `before` them; MBZ of all packets of the block."""
    packets = tables.packets
    seq, last = packets["seq"][rows], packets["seq"][before]
    wanted = last + np.uint16(1)
    at = seq != wanted
    tables.add(_PACKETS, rows[at], FindingCode.SEQ_STEP, (_HEADER, "seq"), Severity.VIOLATION,
               seq[at], wanted[at])  # fmt: skip
    nonzero = block[packets["mbz"][block] != 0]
    if len(nonzero):
        mbz = packets["mbz"]
        now = seq.astype(np.uint32) | mbz[rows].astype(np.uint32) << np.uint32(16)
        then = last.astype(np.uint32) | mbz[before].astype(np.uint32) << np.uint32(16)
        carried = rows[(mbz[rows] != 0) & (now == then + np.uint32(1))]
        tables.add(_PACKETS, carried, FindingCode.SEQ_CARRY, (_HEADER, "MBZ"), Severity.DEVIATION,
                   mbz[carried])  # fmt: skip
        wrong = np.setdiff1d(nonzero, carried)
        tables.add(_PACKETS, wrong, FindingCode.NOT_EQUAL, (_HEADER, "MBZ"), Severity.VIOLATION,
                   mbz[wrong])  # fmt: skip
    sent, sent_before = packets["time_sent"][rows], packets["time_sent"][before]
    back = sent < sent_before
    tables.add(_PACKETS, rows[back], FindingCode.TIME_BACKWARDS, (_HEADER, "timeSent"),
               Severity.UNINITIALISED, sent[back], sent_before[back])  # fmt: skip


class _Faults:
    """Where bytes of flows were skipped or lost."""

    def __init__(self, tables: Tables) -> None:
        faults, flow = tables.faults, tables.flows(tables.faults)
        inside = np.flatnonzero(flow >= 0)  # the others are faults of files
        self.tables = tables
        self.places = Places(flow[inside], faults["offset"][inside])

    def between(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """Whether there was a fault between a packet and the one behind it in its flow."""
        if len(self.places.flow) == 0:
            return np.zeros(len(after), bool)
        packets = self.tables.packets
        flow = self.tables.flows(packets)[after]
        _, low = self.places.before(flow, packets["offset"][before])
        _, high = self.places.before(flow, packets["offset"][after] + 1)
        return high > low


def _check_message_count(part: Part) -> None:
    """Clients must not put several messages into one packet, servers should not."""
    packets = part.packets
    at = np.flatnonzero(packets["message_count"] > 1)
    if len(at) == 0:
        return
    mids = part.tables.messages["mid"][packets["first_message"][at]]
    severity = np.where(mids >> 16 == 3, Severity.VIOLATION, Severity.DEVIATION)
    part.add(_PACKETS, at, FindingCode.SEVERAL_MESSAGES, (_HEADER, "MMS message"), severity,
               packets["message_count"][at], 1)  # fmt: skip
