"""Rules between fields, between messages of one direction, and between messages and Data."""

from __future__ import annotations

import numpy as np

from mmscodec.mms._gather import order_of
from mmscodec.mms.findings.tables import Tables, bits, latest_before
from mmscodec.schema import mms
from mmscodec.schema.fields import Message
from mmscodec.schema.findings import FindingCode, FindingTable, Severity
from mmscodec.schema.values import FOREIGN_MIDS

_MESSAGES = FindingTable.MESSAGES
_ANY = mms.BY_NAME["LinkMacToViewerPing"]  # stands for messages that have no structure
_CONNECTED = mms.BY_NAME["LinkMacToViewerReportConnectedEX"]
_OPENED = mms.BY_NAME["LinkMacToViewerReportOpenFile"]
_CHANGED = mms.BY_NAME["LinkMacToViewerReportStreamChange"]
_REDIRECT = mms.BY_NAME["LinkMacToViewerReportRedirect"]
_STARTED = mms.BY_NAME["LinkMacToViewerReportStartedPlaying"]
_PLAY = mms.BY_NAME["LinkViewerToMacStartPlaying"]
_STRIDE = mms.BY_NAME["LinkViewerToMacStartStriding"]
_STOP = mms.BY_NAME["LinkViewerToMacStopPlaying"]
_DBL_MAX = np.finfo(np.float64).max
_UNUSED = np.array([0, 0xFFFFFFFF], np.uint32)


def check_cross(tables: Tables) -> None:
    """Everything that more than one field has a say in."""
    _check_directions(tables)
    _check_version_url(tables)
    _check_redirect(tables)
    for message in (_PLAY, _STRIDE):
        _check_start(tables, message)
    _check_stop(tables)
    _check_file_id(tables)
    _check_payload_size(tables)
    _check_duration(tables)


def _check_directions(tables: Tables) -> None:
    """Unknown MIDs, and messages against the direction of their stream.

    A stream with Data packets is a server's; else its first known message tells.
    """
    messages = tables.messages
    mids = messages["mid"]
    known = np.isin(mids, np.array([*mms.BY_MID, mms.RESEND_SIGNATURE], np.uint32))
    at = np.flatnonzero(~known)
    foreign = np.isin(mids[at], np.array(list(FOREIGN_MIDS), np.uint32))
    severity = np.where(foreign, Severity.DEVIATION, Severity.VIOLATION)
    tables.add(_MESSAGES, at, FindingCode.UNKNOWN_MID, (_ANY, "MID"), severity, mids[at], 0, 4)
    flow = tables.flows(messages)
    side = (mids >> 16).astype(np.int64)
    side[mids == mms.RESEND_SIGNATURE] = 3
    rows = np.flatnonzero(known)
    rows = rows[order_of([flow[rows], messages["offset"][rows]])]
    flows, firsts = np.unique(flow[rows], return_index=True)
    sides = side[rows[firsts]]
    sides[np.isin(flows, np.unique(tables.flows(tables.data)))] = 4
    wanted = sides[np.searchsorted(flows, flow[rows])] if len(flows) else side[rows]
    for mid in np.unique(mids[rows[side[rows] != wanted]]).tolist():
        at = rows[(side[rows] != wanted) & (mids[rows] == mid)]
        struct, path = (mms.RESEND, "Signature") if mid not in mms.BY_MID else (
            mms.BY_MID[mid], "MID")  # fmt: skip
        tables.add(_MESSAGES, at, FindingCode.WRONG_DIRECTION, (struct, path), Severity.VIOLATION,
                   mid)  # fmt: skip


def _check_version_url(tables: Tables) -> None:
    """If VersionInfo is there, VersionUrl must be too (2.2.4.2)."""
    rows, fixed = tables.kind(_CONNECTED)
    at = np.flatnonzero((fixed["cb_version_info"] > 0) & (fixed["cb_version_url"] == 0))
    tables.add(_MESSAGES, rows[at], FindingCode.VERSION_URL_MISSING, (_CONNECTED, "cbVersionUrl"),
               Severity.VIOLATION, 0, 1)  # fmt: skip


def _check_redirect(tables: Tables) -> None:
    """A location has its NUL at least, and for type 1 a URL before it (2.2.4.9)."""
    rows, fixed = tables.kind(_REDIRECT)
    count = fixed["cb_location"]
    at = np.flatnonzero(count == 0)
    tables.add(_MESSAGES, rows[at], FindingCode.MISSING_NUL, (_REDIRECT, "wszLocation"),
               Severity.VIOLATION)  # fmt: skip
    at = np.flatnonzero((count <= 2) & (fixed["redirect_type"] == 1))
    tables.add(_MESSAGES, rows[at], FindingCode.NO_LOCATION, (_REDIRECT, "cbLocation"),
               Severity.VIOLATION, count[at], 4)  # fmt: skip


def _check_start(tables: Tables, message: Message) -> None:
    """Exactly one of position, asfOffset and locationId gives the start."""
    rows, fixed = tables.kind(message)
    position = fixed["position"]
    handed = position == _DBL_MAX
    others = np.zeros(len(rows), np.int64)
    for name in ("asf_offset", "location_id"):
        others += ~np.isin(fixed[name], _UNUSED)
    # real clients seek with a position and a locationId; number 0 looks like "not used"
    for bad, severity in (
        (handed & (others == 2), Severity.VIOLATION),
        (handed & (others == 0), Severity.DEVIATION),
        (~handed & (others > 0), Severity.DEVIATION),
    ):
        at = np.flatnonzero(bad)
        tables.add(_MESSAGES, rows[at], FindingCode.START_UNCLEAR, (message, "position"), severity,
                   bits(position[at]))  # fmt: skip
    at = np.flatnonzero(~(position >= 0))
    tables.add(_MESSAGES, rows[at], FindingCode.OUT_OF_RANGE, (message, "position"),
               Severity.VIOLATION, bits(position[at]))  # fmt: skip


def _check_stop(tables: Tables) -> None:
    """StopPlaying names the latest Start*; Windows clients leave the field uninitialised."""
    rows, fixed = tables.kind(_STOP)
    if len(rows) == 0:
        return
    starts = [tables.kind(message) for message in (_PLAY, _STRIDE)]
    start_rows = np.concatenate([found for found, _ in starts])
    tags = np.concatenate([found["play_incarnation"] for _, found in starts])
    latest = _latest_of(tables, rows, start_rows)
    tag = fixed["play_incarnation"]
    wanted = np.where(latest >= 0, tags[latest], 1) if len(tags) else np.ones(len(tag), tag.dtype)
    bad = np.where(latest >= 0, tag != wanted, (tag == 0) | (tag > 0xFE))
    at = np.flatnonzero(bad)
    tables.add(_MESSAGES, rows[at], FindingCode.NOT_THE_START, (_STOP, "playIncarnation"),
               Severity.UNINITIALISED, tag[at], wanted[at])  # fmt: skip


def _latest_of(tables: Tables, rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """For messages `rows`, the index into `others` of the last one before, in the same flow."""
    messages = tables.messages
    flow, offset = tables.flows(messages), messages["offset"]
    return latest_before(flow[rows], offset[rows], flow[others], offset[others])


def _check_file_id(tables: Tables) -> None:
    """ReportStartedPlaying.tigerFileId should be openFileId; Windows sends 0 as well."""
    rows, fixed = tables.kind(_STARTED)
    opened, files = tables.kind(_OPENED)
    if len(rows) == 0 or len(opened) == 0:
        return
    latest = _latest_of(tables, rows, opened)
    wanted = files["open_file_id"][latest]
    seen = fixed["tiger_file_id"]
    at = np.flatnonzero((latest >= 0) & (seen != 0) & (seen != wanted))
    tables.add(_MESSAGES, rows[at], FindingCode.NOT_THE_FILE, (_STARTED, "tigerFileId"),
               Severity.UNINITIALISED, seen[at], wanted[at])  # fmt: skip


def _check_payload_size(tables: Tables) -> None:
    """Payloads of header and media are no longer than the latest filePacketSize said."""
    data, messages = tables.data, tables.messages
    opened, files = tables.kind(_OPENED)
    changed, entries = tables.kind(_CHANGED)
    good = files["hr"] < 0x80000000
    rows = np.concatenate([opened[good], changed])
    sizes = np.concatenate([files["file_packet_size"][good], entries["cb_packet_size"]])
    media = np.flatnonzero(data["kind"] != 2)
    if len(rows) == 0 or len(media) == 0:
        return
    flow = tables.flows(messages)
    latest = latest_before(
        tables.flows(data)[media], data["offset"][media], flow[rows], messages["offset"][rows]
    )
    limit = sizes[latest].astype(np.int64)
    seen = data["length"][media].astype(np.int64) - 8
    at = np.flatnonzero((latest >= 0) & (limit > 0) & (seen > limit))
    tables.add(FindingTable.DATA, media[at], FindingCode.OVER_PACKET_SIZE, (mms.DATA_PACKET,
               "PacketSize"), Severity.VIOLATION, seen[at] + 8, limit[at] + 8)  # fmt: skip


def _check_duration(tables: Tables) -> None:
    """fileDuration is a number of seconds; real servers send -1e-7 for live content."""
    rows, fixed = tables.kind(_OPENED)
    seconds = fixed["file_duration"]
    at = np.flatnonzero((fixed["hr"] < 0x80000000) & ~(seconds >= 0))
    live = np.abs(seconds[at] + 1e-7) < 1e-9
    severity = np.where(live, Severity.DEVIATION, Severity.VIOLATION)
    tables.add(_MESSAGES, rows[at], FindingCode.OUT_OF_RANGE, (_OPENED, "fileDuration"), severity,
               bits(seconds[at]))  # fmt: skip
