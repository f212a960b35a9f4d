"""Rules between fields, between messages of one direction, and between messages and Data."""

from __future__ import annotations

import numpy as np

from mmscodec.blocks import blocks
from mmscodec.mms._gather import order_of
from mmscodec.mms.findings.tables import Part, Places, Tables, bits
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


def check_messages(part: Part) -> None:
    """Everything that more than one field of a message has a say in."""
    _check_mids(part)
    _check_version_url(part)
    _check_redirect(part)
    for message in (_PLAY, _STRIDE):
        _check_start(part, message)
    _check_duration(part)
    _keep(part)


def check_cross(tables: Tables) -> None:
    """Everything that more than one message has a say in."""
    _check_directions(tables)
    _check_stop(tables)
    _check_file_id(tables)
    _check_payload_size(tables)


def _keep(part: Part) -> None:
    """What rules between messages need of each."""
    for message in (_PLAY, _STRIDE):
        rows, fixed = part.kind(message)
        part.keep("starts", rows, fixed["play_incarnation"])
    rows, fixed = part.kind(_STOP)
    part.keep("stops", rows, fixed["play_incarnation"])
    rows, fixed = part.kind(_STARTED)
    part.keep("started", rows, fixed["tiger_file_id"])
    rows, fixed = part.kind(_OPENED)
    part.keep("opened", rows, fixed["open_file_id"])
    good = fixed["hr"] < 0x80000000
    part.keep("sizes", rows[good], fixed["file_packet_size"][good])
    rows, fixed = part.kind(_CHANGED)
    part.keep("sizes", rows, fixed["cb_packet_size"])


def _known(mids: np.ndarray) -> np.ndarray:
    """Which MIDs have a structure."""
    return np.isin(mids, np.array([*mms.BY_MID, mms.RESEND_SIGNATURE], np.uint32))


def _sides(mids: np.ndarray) -> np.ndarray:
    """Who sends messages of these MIDs: 3 is the client, 4 the server."""
    side = (mids >> 16).astype(np.int64)
    side[mids == mms.RESEND_SIGNATURE] = 3
    return side


def _check_mids(part: Part) -> None:
    """Unknown MIDs. What tells the direction of each flow is kept."""
    messages = part.messages
    mids = messages["mid"]
    known = _known(mids)
    at = np.flatnonzero(~known)
    foreign = np.isin(mids[at], np.array(list(FOREIGN_MIDS), np.uint32))
    severity = np.where(foreign, Severity.DEVIATION, Severity.VIOLATION)
    part.add(_MESSAGES, at, FindingCode.UNKNOWN_MID, (_ANY, "MID"), severity, mids[at], 0, 4)
    rows = np.flatnonzero(known)
    flow = part.flows(messages)[rows]
    if part.tables.capture and len(rows):
        order = order_of([flow, messages["offset"][rows]])
        rows, flow = rows[order], flow[order]
    first = np.ones(len(rows), bool)
    first[1:] = flow[1:] != flow[:-1]
    part.keep("speakers", rows[first], _sides(mids[rows[first]]))
    sending = part.flows(part.data)
    changes = np.flatnonzero(sending[1:] != sending[:-1])
    runs = np.concatenate([sending[:1], sending[changes + 1]])
    part.tables.keep("sending", np.unique(runs))


def _check_directions(tables: Tables) -> None:
    """Messages against the direction of their stream.

    A stream with Data packets is a server's; else its first known message tells.
    """
    flow, offset, _, side = tables.kept("speakers")
    if len(flow) == 0:
        return
    order = order_of([flow, offset])
    flow, side = flow[order], side[order]
    first = np.ones(len(flow), bool)
    first[1:] = flow[1:] != flow[:-1]
    flows, sides = flow[first], side[first]
    sides[np.isin(flows, np.unique(tables.kept("sending")[0]))] = 4
    for here in blocks(len(tables.messages)):
        messages = tables.messages[here]
        mids = messages["mid"]
        at = np.searchsorted(flows, tables.flows(messages))
        wanted = sides[np.minimum(at, len(sides) - 1)]
        wrong = np.flatnonzero((_sides(mids) != wanted) & _known(mids))
        for mid in np.unique(mids[wrong]).tolist():
            rows = wrong[mids[wrong] == mid] + here.start
            struct, path = (mms.RESEND, "Signature") if mid not in mms.BY_MID else (
                mms.BY_MID[mid], "MID")  # fmt: skip
            tables.add(_MESSAGES, rows, FindingCode.WRONG_DIRECTION, (struct, path),
                       Severity.VIOLATION, mid)  # fmt: skip


def _check_version_url(part: Part) -> None:
    """If VersionInfo is there, VersionUrl must be too (2.2.4.2)."""
    rows, fixed = part.kind(_CONNECTED)
    at = np.flatnonzero((fixed["cb_version_info"] > 0) & (fixed["cb_version_url"] == 0))
    part.add(_MESSAGES, rows[at], FindingCode.VERSION_URL_MISSING, (_CONNECTED, "cbVersionUrl"),
               Severity.VIOLATION, 0, 1)  # fmt: skip


def _check_redirect(part: Part) -> None:
    """A location has its NUL at least, and for type 1 a URL before it (2.2.4.9)."""
    rows, fixed = part.kind(_REDIRECT)
    count = fixed["cb_location"]
    at = np.flatnonzero(count == 0)
    part.add(_MESSAGES, rows[at], FindingCode.MISSING_NUL, (_REDIRECT, "wszLocation"),
               Severity.VIOLATION)  # fmt: skip
    at = np.flatnonzero((count <= 2) & (fixed["redirect_type"] == 1))
    part.add(_MESSAGES, rows[at], FindingCode.NO_LOCATION, (_REDIRECT, "cbLocation"),
               Severity.VIOLATION, count[at], 4)  # fmt: skip


def _check_start(part: Part, message: Message) -> None:
    """Exactly one of position, asfOffset and locationId gives the start."""
    rows, fixed = part.kind(message)
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
        part.add(_MESSAGES, rows[at], FindingCode.START_UNCLEAR, (message, "position"), severity,
                   bits(position[at]))  # fmt: skip
    at = np.flatnonzero(~(position >= 0))
    part.add(_MESSAGES, rows[at], FindingCode.OUT_OF_RANGE, (message, "position"),
               Severity.VIOLATION, bits(position[at]))  # fmt: skip


def _check_stop(tables: Tables) -> None:
    """StopPlaying names the latest Start*; Windows clients leave the field uninitialised."""
    flow, offset, rows, tag = tables.kept("stops")
    start_flow, start_offset, _, tags = tables.kept("starts")
    starts = Places(start_flow, start_offset)
    for here in blocks(len(rows)):
        latest = starts.latest(flow[here], offset[here])
        seen = tag[here]
        wanted = np.ones(len(seen), tag.dtype)
        wanted[latest >= 0] = tags[latest[latest >= 0]]
        bad = np.where(latest >= 0, seen != wanted, (seen == 0) | (seen > 0xFE))
        at = np.flatnonzero(bad)
        tables.add(_MESSAGES, rows[here][at], FindingCode.NOT_THE_START, (_STOP, "playIncarnation"),
                   Severity.UNINITIALISED, seen[at], wanted[at])  # fmt: skip


def _check_file_id(tables: Tables) -> None:
    """ReportStartedPlaying.tigerFileId should be openFileId; Windows sends 0 as well."""
    flow, offset, rows, file = tables.kept("started")
    opened_flow, opened_offset, _, files = tables.kept("opened")
    opened = Places(opened_flow, opened_offset)
    for here in blocks(len(rows) if len(files) else 0):
        latest = opened.latest(flow[here], offset[here])
        wanted, seen = files[latest], file[here]
        at = np.flatnonzero((latest >= 0) & (seen != 0) & (seen != wanted))
        tables.add(_MESSAGES, rows[here][at], FindingCode.NOT_THE_FILE, (_STARTED, "tigerFileId"),
                   Severity.UNINITIALISED, seen[at], wanted[at])  # fmt: skip


def _check_payload_size(tables: Tables) -> None:
    """Payloads of header and media are no longer than the latest filePacketSize said."""
    flow, offset, _, sizes = tables.kept("sizes")
    said = Places(flow, offset)
    least = int(sizes[sizes > 0].min(initial=0xFFFFFFFF)) + 8
    for here in blocks(len(tables.data) if len(sizes) else 0):
        data = tables.data[here]
        # nobody said so little that the others could be too long
        media = np.flatnonzero((data["kind"] != 2) & (data["length"] > least))
        latest = said.latest(tables.flows(data)[media], data["offset"][media])
        limit = sizes[latest].astype(np.int64)
        seen = data["length"][media].astype(np.int64) - 8
        at = np.flatnonzero((latest >= 0) & (limit > 0) & (seen > limit))
        rows = media[at] + here.start
        tables.add(FindingTable.DATA, rows, FindingCode.OVER_PACKET_SIZE, (mms.DATA_PACKET,
                   "PacketSize"), Severity.VIOLATION, seen[at] + 8, limit[at] + 8)  # fmt: skip


def _check_duration(part: Part) -> None:
    """fileDuration is a number of seconds; real servers send -1e-7 for live content."""
    rows, fixed = part.kind(_OPENED)
    seconds = fixed["file_duration"]
    at = np.flatnonzero((fixed["hr"] < 0x80000000) & ~(seconds >= 0))
    live = np.abs(seconds[at] + 1e-7) < 1e-9
    severity = np.where(live, Severity.DEVIATION, Severity.VIOLATION)
    part.add(_MESSAGES, rows[at], FindingCode.OUT_OF_RANGE, (_OPENED, "fileDuration"), severity,
               bits(seconds[at]))  # fmt: skip
