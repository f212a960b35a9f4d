"""The sessions that are plain, all at once: one file over TCP, numbers that rise, nothing refused.

Whatever is not plain is looked at by itself (`analysis.py`), which is the definition: for a plain
session both give the same.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np

from mmscodec.errors import MmsCodecError
from mmscodec.mms._gather import distinct
from mmscodec.sessions import _bulk, metadata
from mmscodec.sessions import table as _table
from mmscodec.sessions.closing import ABANDONED, BY_CLIENT, BY_SERVER, PATIENCE, PLAYED_OUT
from mmscodec.sessions.control import MID, Control
from mmscodec.sessions.entries import LIVE, Segment
from mmscodec.sessions.flow_columns import Pairs
from mmscodec.sessions.headers import MAX_HEADER, complete
from mmscodec.sessions.loss import FROM_A_TIME, UNUSED
from mmscodec.sessions.metadata import version_major
from mmscodec.sessions.network import CLOSED_FIRST, FIN, RST, SYN
from mmscodec.sessions.payloads import Payloads
from mmscodec.sessions.playback import described, first_key
from mmscodec.sessions.session_flows import FUNNEL, Found

_CONNECTED = "LinkMacToViewerReportConnectedEX"
_FUNNEL = "LinkViewerToMacConnectFunnel"
_OPEN, _OPENED = "LinkViewerToMacOpenFile", "LinkMacToViewerReportOpenFile"
_PLAY = "LinkViewerToMacStartPlaying"
_FUNNEL_INFO = "LinkMacToViewerReportFunnelInfo"
_LOGGING = "LinkViewerToMacLogging"
#: A session with one of these messages is not plain.
_AWKWARD = (
    "LinkMacToViewerReportDisconnectedFunnel", "LinkMacToViewerSecurityChallenge",
    "LinkViewerToMacSecurityResponse", "LinkMacToViewerReportRedirect",
    "LinkMacToViewerReportStreamChange", "LinkViewerToMacStartStriding",
    "LinkMacToViewerReportStartStriding", "RequestPacketListResend",
)  # fmt: skip
_WIDE = (
    "opened", "funnel_info", "log", "file", "connect", "first_start", "started", "stopped",
    "end_hr", "last_message", "heads", "head_count", "head_parts", "head_time", "head_row", "media",
    "media_count", "media_bytes", "segments", "segment_count", "jumps", "left_out", "longest_gap",
    "stalls", "stalled", "playing",
)  # fmt: skip
_FLAGS = (
    "plain", "tcp", "connected", "closed", "finished", "stopping", "played_out", "from_client",
    "from_server", "head_tag", "head_complete",
)  # fmt: skip
#: Rows of the kernel, see _kernels/track/session_plain.pxd.
PLAIN = np.dtype(
    [(name, "i8") for name in _WIDE]
    + [(name, "i4") for name in ("seeks", "pauses", "switches", "server_major")]
    + [(name, "u1") for name in _FLAGS],
    align=True,
)
SEGMENTS = np.dtype(
    [("session", "i4"), ("tag", "u1"), ("begin", "i8"), ("count", "i8"), ("request", "i8"),
     ("first_row", "i8"), ("first_time", "i8")],
    align=True,
)  # fmt: skip
_LEVEL = ("preroll_reached", "lowest_buffer", "underruns", "late_packets", "dry")


class Plain:
    """What the plain sessions of a capture are.

    Attributes
    ----------
    rows : numpy.ndarray
        `PLAIN`, a row for every session; only those with `plain` = 1 hold something.
    segments : numpy.ndarray
        `SEGMENTS`, by session.
    heads, media : numpy.ndarray
        Rows of `data`: fragments of headers, and media packets.
    """

    def __init__(
        self, cap: Any, control: Control, bulk: _bulk.Control, found: Found, none: bool = False
    ) -> None:
        self.cap, self.control, self.found, self.data = cap, control, found, cap.data
        self.rows = np.zeros(len(found.ends), PLAIN)
        kinds, awkward = self._kinds()
        if not none:
            self.rows["plain"] = found.pairs.max(axis=1, initial=-1) >= 0
            self.rows["plain"][found.not_plain] = 0
            self.rows["plain"][self._owners(awkward)] = 0
        self.heads = np.empty(len(self.data), np.int64)
        self.media = np.empty(len(self.data), np.int64)
        self.segments = bulk.plain(
            kinds, (self.data, found.data.order, found.data.bounds),
            found.pairs[:, 1].astype(np.int32), self.rows, (self.heads, self.media),
        ).array(SEGMENTS)  # fmt: skip
        self.is_plain = self.rows["plain"] == 1
        self.which = np.flatnonzero(self.rows["plain"])
        self.some = self.rows[self.which]
        self.flows = Pairs(cap.flows, found.pairs[self.which])
        self.marks = self.flows.of("marks")
        seen = ((self.marks & (FIN | RST)) != 0).any(axis=1)
        #: When each connection ended, -1 = that was not seen.
        self.ended = np.where(seen, self.flows.of("last_time", -1).max(axis=1), -1)
        counts = np.diff(found.data.bounds, append=0)
        self.with_data = self.flows.of(counts)[:, 1] > 0

    def _owners(self, rows: np.ndarray) -> np.ndarray:
        # sessions that messages belong to
        owner = np.full(len(self.cap.flows) + 1, -1, np.int64)
        for side in (0, 1):
            owner[self.found.pairs[:, side]] = np.arange(len(self.found.pairs))
        owner[-1] = -1
        mine = owner[self.control.messages["flow"][rows]]
        return mine[mine >= 0]

    def _kinds(self) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
        # what the kernel has to know of some kinds, and rows of what no plain session has
        control = self.control
        awkward = [np.flatnonzero(control.hr > 0x7FFFFFFF)]
        awkward += [control.all_rows(name) for name in _AWKWARD if control.has(name)]
        major = np.array(self._texts(_CONNECTED, "server_version_info", version_major), np.int32)
        transport = np.array(self._texts(_FUNNEL, "funnel_name", _transport), np.uint8)
        size, place = np.empty(0, np.uint32), np.empty(0, np.int64)
        if control.has(_FUNNEL):
            awkward.append(control.rows(_FUNNEL)[transport == 2])
        if control.has(_OPEN):
            awkward.append(control.rows(_OPEN)[control.array(_OPEN)["cbtoken"] > 0])
        if control.has(_OPENED):
            files = control.array(_OPENED)
            awkward.append(control.rows(_OPENED)[files["file_attributes"] & LIVE != 0])
            size = files["file_header_size"].astype(np.uint32)
        if control.has(_PLAY):
            place = _first_places(control.array(_PLAY))
        kinds = (control.place, major, transport, place, size)
        return kinds, np.concatenate(awkward)

    def _texts(self, name: str, field: str, reader: Any) -> list[int]:
        # a number for each text of a kind of message; peers say the same over and over
        if not self.control.has(name):
            return []
        known: dict[str, int] = {}
        out = []
        for text in self.control.column(name, field):
            text = text or ""
            if text not in known:
                known[text] = reader(text)
            out.append(known[text])
        return out

    def _of_kind(self, name: str, field: str, places: np.ndarray, default: Any) -> np.ndarray:
        # a field of one message of each session, by its place
        if not self.control.has(name):
            return np.full(len(places), default)
        values = self.control.array(name)[field]
        values = values.astype("f8" if values.dtype.kind == "f" else "i8")
        return np.where(places >= 0, values[np.maximum(places, 0)], default)

    def events(self) -> tuple[np.ndarray, np.ndarray]:
        """Session of each event that the Data packets of these sessions show, and the events."""
        heads = np.flatnonzero(self.rows["head_complete"] * self.rows["plain"])
        some, parts = self.rows[heads], self.segments
        of = np.concatenate([heads, parts["session"]])
        columns = (
            [some["head_time"], parts["first_time"]], [some["head_row"], parts["first_row"]],
            [np.full(len(heads), -1), parts["tag"]],
        )  # fmt: skip
        return of, np.stack([np.concatenate(pair).astype(np.int64) for pair in columns], axis=1)

    def fill_data(self, exchanges: np.ndarray) -> None:
        """Write into all exchanges the Data packets that requests of these sessions brought."""
        _bulk.header_data(exchanges, self.rows, self.heads, self.data)
        brought = self.segments[self.segments["request"] >= 0]
        requests, first = np.unique(brought["request"], return_index=True)
        if not len(requests):
            return
        starts = np.flatnonzero(exchanges["request_mid"] == MID[_PLAY])
        asked = exchanges["request"][starts]
        at = np.minimum(np.searchsorted(requests, asked), len(requests) - 1)
        starts, at = starts[requests[at] == asked], at[requests[at] == asked]
        one = brought[first[at]]
        exchanges["data"][starts] = one["first_row"]
        exchanges["data_latency"][starts] = one["first_time"] - exchanges["time"][starts]

    def columns(self, payloads: Payloads, send: np.ndarray) -> dict[str, Any]:
        """Columns of `cap.sessions` for the sessions `which`, but those about their flows."""
        some = self.some
        out = self._file(some) | self._media(some) | self._reached(some, send)
        out["played_out"] = np.select(
            [some["media_count"] == 0, some["played_out"] == 1,
             self.ended >= 0, (some["closed"] | some["stopping"]) == 1],
            [-1, PLAYED_OUT, ABANDONED, ABANDONED], -1,
        )  # fmt: skip
        out |= self._buffers(some, payloads, send)
        logged = some["log"] >= 0
        if logged.any():
            for name, field in _table.LOG:
                values = self.control.log_field(field)
                if values.dtype.kind == "u":
                    values = np.minimum(values.astype(np.uint64), np.uint64(_table.MOST))
                out[name] = np.where(
                    logged, values.astype(np.int64)[np.maximum(some["log"], 0)], -1
                )
        return out

    def _file(self, some: np.ndarray) -> dict[str, Any]:
        opened = some["opened"]
        out = {
            name: self._of_kind(_OPENED, field, opened, default)
            for name, field, default in (
                ("open_file_id", "open_file_id", -1), ("attributes", "file_attributes", 0),
                ("duration", "file_duration", 0.0), ("packet_size", "file_packet_size", 0),
                ("packet_count", "file_packet_count", 0), ("bit_rate", "file_bit_rate", 0),
                ("header_size", "file_header_size", 0),
            )
        }  # fmt: skip
        out["client_id"] = self._of_kind(_FUNNEL_INFO, "n_cubs", some["funnel_info"], -1)
        out["transport"] = np.where((some["tcp"] == 1) | self.with_data, "tcp", "")
        out["stream_switches"] = some["switches"]
        out["entries"] = (some["head_count"] > 0) | (some["media_count"] > 0)
        out["seeks"], out["pauses"] = some["seeks"], some["pauses"]
        return out

    def _media(self, some: np.ndarray) -> dict[str, Any]:
        times, count = self.data["time"], some["media_count"]
        there = count > 0
        first = _at(times, _at(self.media, some["media"], there), there)
        last = _at(times, _at(self.media, some["media"] + count - 1, there), there)
        span, playing = last - first, some["playing"]
        bits = some["media_bytes"] * 8e9
        out = {
            "media_packets": count, "media_bytes": some["media_bytes"],
            "received_bit_rate": np.divide(bits, span, out=np.zeros(len(some)), where=span > 0),
            "playing_bit_rate": np.divide(
                bits, playing, out=np.zeros(len(some)), where=playing > 0
            ),
            "location_jumps": some["jumps"], "locations_left_out": some["left_out"],
            "longest_gap": some["longest_gap"], "stalls": some["stalls"],
            "stalled": some["stalled"],
        }  # fmt: skip
        for name, since in (("start_up", some["connect"]), ("first_data", some["first_start"])):
            out[name] = np.where(there & (since >= 0), first - since, -1)
        return out

    def _reached(self, some: np.ndarray, send: np.ndarray) -> dict[str, Any]:
        there = some["media_count"] > 0
        last = _at(self.media, some["media"] + some["media_count"] - 1, there)
        latest = _at(send, last, there)
        count = self._of_kind(_OPENED, "file_packet_count", some["opened"], 0).astype(np.uint64)
        duration = self._of_kind(_OPENED, "file_duration", some["opened"], 0.0)
        known = (count > 0) & (count < 0xFFFFFFFF) & (duration > 0) & (duration < np.inf)
        place = _at(self.data["location_id"], last, there) + 1
        part = np.minimum(place / np.maximum(count, 1), 1.0) * np.where(known, duration, 0.0)
        by_place = np.where(known, part, -1.0)
        reached = np.where(there, np.where(latest < 0, by_place, latest / 1000), -1.0)
        return {"reached": reached}

    def _buffers(self, some: np.ndarray, payloads: Payloads, send: np.ndarray) -> dict[str, Any]:
        prerolls = np.full(len(self.rows), -1, np.int64)
        keys = np.full(len(some), -1, np.int64)
        played = np.flatnonzero((some["media_count"] > 0) & (some["head_count"] > 0))
        known, video = self._headers(some[played], payloads)
        prerolls[self.which[played]] = known
        for number, streams in zip(played[video > 0].tolist(), video[video > 0].tolist()):
            part = self.segments[int(some["segments"][number])]
            low = int(part["begin"])
            rows = self.media[low : low + int(part["count"])]
            keys[number] = first_key(self.cap, Segment(rows, int(part["tag"])), streams)
        levels = np.tile(np.array([-1, -1, 0, 0, 0], np.int64), (len(self.rows), 1))
        ended = np.ascontiguousarray(self.rows["played_out"])
        _bulk.levels((self.data, self.media), self.segments, send, prerolls, ended, levels)
        out = dict(zip(_LEVEL, levels[self.which].T))
        return {**out, "preroll": prerolls[self.which], "first_key_frame": keys}

    def _headers(self, played: np.ndarray, payloads: Payloads) -> tuple[np.ndarray, np.ndarray]:
        """Preroll in ns, -1 = not known, and video streams as bits, of sessions with a header."""
        prerolls, video = np.full(len(played), -1, np.int64), np.zeros(len(played), object)
        parts = played["head_parts"]
        if not payloads.kept or not len(played):
            return prerolls, video
        starts = np.cumsum(parts) - parts
        rows = self.heads[np.repeat(played["heads"] - starts, parts) + np.arange(parts.sum())]
        sizes = np.add.reduceat(payloads.lengths[rows], starts)
        usual = sizes <= MAX_HEADER
        groups = (np.cumsum(np.where(usual, sizes, 0)) - 1) // MAX_HEADER
        for group in np.unique(groups[usual]).tolist():
            mine = np.flatnonzero(usual & (groups == group))
            joined = payloads.read(rows[np.repeat(usual & (groups == group), parts)])
            ends = np.cumsum(sizes[mine])
            numbers, firsts = distinct(joined, 0, ends - sizes[mine], sizes[mine])
            for number, first in enumerate(firsts.tolist()):
                end = int(ends[first])
                header = joined[end - int(sizes[mine][first]) : end].tobytes()
                same = mine[numbers == number]
                with suppress(MmsCodecError):
                    prerolls[same], video[same] = described(complete(header))
        return prerolls, video

    def fill_endings(self, mine: np.ndarray) -> None:
        """Fill how these sessions ended, and what is missing of them, into their rows."""
        some, closed = self.some, self.some["closed"] == 1
        ended = self.ended >= 0
        over = ended | closed
        first = (self.marks & CLOSED_FIRST) != 0
        mine["ended_by"] = np.select(
            [~over, closed, first[:, 0], first[:, 1]], [0, BY_CLIENT, BY_CLIENT, BY_SERVER], 0
        )
        mine["end_message"] = np.where(over, some["last_message"], -1)
        silent = (some["media_count"] == 0) & (some["started"] >= 0) & (mine["gaps"] == 0)
        silent &= (some["stopped"] >= 0) | over | (mine["end"] - some["started"] > PATIENCE)
        mine["end_reason"] = np.select(
            [silent, closed, ended],
            [metadata.NOTHING_CAME, metadata.CLOSED, metadata.DISCONNECTED], metadata.CUT,
        )  # fmt: skip
        mine["end_hr"] = some["end_hr"]
        begun = (((self.marks & SYN) != 0) | ~self.flows.there).all(axis=1)
        heard = self.flows.of("bytes") > 0
        missing = (
            (_table.NO_START, ~(begun & (some["connected"] == 1))),
            (_table.NO_CLIENT, ~(heard[:, 0] | (some["from_client"] == 1))),
            (_table.NO_SERVER, ~(heard[:, 1] | (some["from_server"] == 1) | self.with_data)),
            (_table.MISSING, mine["gaps"] > 0), (_table.FAULTS, mine["faults"] > 0),
            (_table.UNREAD, mine["unread"] > 0), (_table.NO_END, ~over),
        )  # fmt: skip
        for bit, there in missing:
            mine["partial"] |= np.where(there, bit, 0).astype(mine["partial"].dtype)

    def may_go_on(self, table: np.ndarray) -> np.ndarray:
        """Which of these sessions may have been resumed by another connection: bool, by row."""
        out = np.ones(len(self.rows), bool)
        some = self.some
        going = (some["media_count"] > 0) & (some["finished"] == 0) & (some["file"] >= 0)
        out[self.which] = going & (table["end_reason"][self.which] != metadata.CLOSED)
        return out


def _at(values: np.ndarray, places: np.ndarray, there: np.ndarray) -> np.ndarray:
    # values at places, -1 where there is none
    out = np.full(len(places), -1, np.int64)
    out[there] = values[places[there]]
    return out


def _transport(funnel: str) -> int:
    # of a ConnectFunnel: 1 TCP, 2 UDP, 0 neither
    match = FUNNEL.match(funnel)
    return 0 if match is None else 1 + (match[2].upper() == "UDP")


def _first_places(plays: np.ndarray) -> np.ndarray:
    # `loss.first_place` of every StartPlaying
    place, position = plays["location_id"].astype(np.int64), plays["position"]
    from_place = (position >= FROM_A_TIME) & np.isin(plays["asf_offset"], UNUSED)
    begins = np.where((position <= 0) | from_place, 0, -1)
    return np.where(np.isin(place, UNUSED), begins, place)
