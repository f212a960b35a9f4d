"""All sessions of a capture: every step in turn, each session once."""

from __future__ import annotations

import operator
from functools import cached_property
from typing import Any

import numpy as np

from mmscodec.sessions import metadata as _metadata
from mmscodec.sessions import session_flows as _session_flows
from mmscodec.sessions import table as _table
from mmscodec.sessions._bulk import Control as BulkControl
from mmscodec.sessions.closing import closing_of, disconnected, nothing_came
from mmscodec.sessions.control import MID, Control
from mmscodec.sessions.links import link
from mmscodec.sessions.media import entries_of
from mmscodec.sessions.network import SYN, TCP_COLUMNS, copies_of, tcp_figures
from mmscodec.sessions.pairing import EXCHANGES, figures, fill_data
from mmscodec.sessions.payloads import Payloads
from mmscodec.sessions.plain import Plain
from mmscodec.sessions.playback import buffer_levels, playback_of
from mmscodec.sessions.playback_events import moves_of
from mmscodec.sessions.problem_counts import wrong_by_flow
from mmscodec.sessions.quality import Quality, measure, session_rates
from mmscodec.sessions.session import Session
from mmscodec.sessions.states import STANCES, TRANSITIONS, events_of
from mmscodec.sessions.transports import udp_story
from mmscodec.sessions.unread import unread_by_flow

#: Columns of `cap.flows` that sessions look at.
_OF_FLOWS = ("marks", "first_time", "last_time", "gaps", "length", "bytes", *TCP_COLUMNS)
#: Columns that are not 0 where a session has no such thing.
_NONE = (
    "data_flow",
    "resend_flow",
    "auth_result",
    "redirected_to",
    "reconnect_of",
    "retried_as",
    *(name for name, _ in _table.LOG),
)


class Sessions:
    """The sessions of a capture.

    Parameters
    ----------
    cap : Capture
        Its tables are read once, when this is made.

    Attributes
    ----------
    table : numpy.ndarray
        `SESSIONS`, one row per session.
    exchanges, transitions : numpy.ndarray
        `EXCHANGES` and `TRANSITIONS` of all sessions, by session, then in order.
    plain : numpy.ndarray
        bool: which sessions were worked out together; the others were looked at one by one.
    """

    def __init__(self, cap: Any, *, apart: bool = False) -> None:
        """With `apart` every session is looked at by itself, also those that are plain."""
        self._control = Control(cap)
        self._cap = self._control.cap  # its bare tables: these sessions may be an attribute of it
        self._data = cap.data
        self._made: dict[int, Session] = {}
        self._found = found = _session_flows.find(cap, self._control)
        bulk = self._control.bulk(found.order, found.bounds)
        self.exchanges = bulk.exchanges().array(EXCHANGES)
        self.table = np.zeros(len(found.ends), _table.SESSIONS)
        self._wrong = wrong_by_flow(cap)
        self._unread = unread_by_flow(cap)
        payloads = Payloads(cap)
        self._send = payloads.send_times()
        plain = Plain(cap, self._control, bulk, found, none=apart)
        self.plain = plain.is_plain
        self._fill_plain(plain, payloads)
        self._fill_others(np.flatnonzero(~self.plain).tolist())
        for name, column in figures(self.exchanges, len(found.ends)).items():
            self.table[name] = column
        link(self, self.table, np.flatnonzero(plain.may_go_on(self.table)))
        self.transitions = self._transitions(bulk, plain)

    def _fill_plain(self, plain: Plain, payloads: Payloads) -> None:
        some = np.zeros(len(plain.which), _table.SESSIONS)
        for name in _NONE:
            some[name] = -1
        columns = plain.flows.columns(self._wrong, self._unread) | plain.columns(
            payloads, self._send
        )
        for name, column in columns.items():
            some[name] = column
        plain.fill_endings(some)
        raw = f"V{some.itemsize}"  # a row at once, not field by field
        self.table.view(raw)[plain.which] = some.view(raw)
        plain.fill_data(self.exchanges)

    @cached_property
    def _flows(self) -> dict[str, list[Any]]:
        # plain lists: a session looks at a few numbers of two rows
        return {name: self._cap._pass_flows[name].tolist() for name in _OF_FLOWS}

    def _fill_others(self, others: list[int]) -> None:
        where = np.searchsorted(self.exchanges["session"], np.arange(len(self.table) + 1)).tolist()
        for index in others:
            ends = self._ends(index)
            ends.kept = ends.messages
            session = self._made[index] = self._make(index, ends)
            fill_data(self.exchanges[where[index] : where[index + 1]], session.entries, self._data)
            row = session.row = dict.fromkeys(self.table.dtype.names or (), 0)
            self._fill(row, session)
            self.table[index] = tuple(row.values())
            session.row = self.table[index]
            ends.kept = None

    def _ends(self, index: int) -> _session_flows.Ends:
        ends, bounds = self._found.ends[index], self._found.bounds
        ends.ordered = self._found.order[bounds[index] : bounds[index + 1]]
        return ends

    def _make(self, index: int, ends: _session_flows.Ends) -> Session:
        facts = _metadata.facts_of(ends, self._control)
        entries = entries_of(ends, self._control, self._data, self._cap.payload)
        quality = measure(entries, ends, facts, self._data, self._control)
        session = Session(index, ends, facts, entries, quality, self.table[index])
        session.rows = np.concatenate([ends.tcp, ends.udp])
        return session

    def _transitions(self, bulk: BulkControl, plain: Plain) -> np.ndarray:
        stances = np.zeros(len(self.table), STANCES)
        stances["ended"][plain.which] = plain.ended
        stances["attributes"] = self.table["attributes"]
        stances["server_major"] = plain.rows["server_major"]
        of, events = plain.events()
        owners, parts = [of], [events]
        for index, session in self._made.items():
            if self.plain[index]:
                continue  # made to look for links
            stances[index] = (
                self._disconnected(session.ends), session.facts.attributes,
                session.facts.server_major, len(session.ends.udp) > 0,
            )  # fmt: skip
            parts.append(events_of(session.entries, self._data))
            owners.append(np.full(len(parts[-1]), index))
        owner, joined = np.concatenate(owners), np.concatenate(parts)
        order = np.lexsort((joined[:, 2], joined[:, 1], joined[:, 0], owner))
        bounds = np.searchsorted(owner[order], np.arange(len(self.table) + 1))
        events = np.ascontiguousarray(joined[order])
        return bulk.transitions(stances, events, bounds).array(TRANSITIONS)

    def _disconnected(self, ends: _session_flows.Ends) -> int:
        return disconnected(ends, self._flows)

    def _fill(self, row: Any, session: Session) -> None:
        ends, facts, quality = session.ends, session.facts, session.quality
        flows = self._flows
        mine = [flow for flow in (ends.client, ends.server) if flow >= 0]
        udp = [flow for flow in (ends.data_flow, ends.resend_flow) if flow >= 0]
        row["client_flow"], row["server_flow"] = ends.client, ends.server
        row["data_flow"], row["resend_flow"] = ends.data_flow, ends.resend_flow
        row["start"], row["end"] = self._span(session, mine)
        row["transport"] = facts.transport
        for name in (
            "auth_scheme", "auth_result", "attributes", "packet_size", "bit_rate", "header_size",
            "packet_count", "duration", "open_file_id", "client_id", "stream_switches",
            "resend_requests",
        ):  # fmt: skip
            row[name] = getattr(facts, name)
        row["challenges"] = min(facts.challenges, 0xFFFF)
        row["resends_asked"] = len(facts.resends_asked)
        row["entries"] = sum(1 for e in session.entries if len(e.header) or e.segments)
        row["redirected_to"] = row["reconnect_of"] = row["retried_as"] = -1
        self._fill_times(row, session)
        row["media_packets"], row["media_bytes"] = quality.media_packets, quality.media_bytes
        row["received_bit_rate"] = quality.bit_rate
        row["location_jumps"] = quality.location_jumps
        row["locations_left_out"] = quality.locations_left_out
        self._fill_loss(row, quality)
        self._fill_playback(row, session)
        for name, counts in self._wrong.items():
            known = [counts[flow] for flow in mine + udp] if counts is not None else [-1]
            row[name] = sum(known)
        row["gaps"] = sum(flows["gaps"][flow] for flow in mine)
        row["unread"] = int(self._unread[mine].sum()) if mine else 0
        row["copies"] = copies_of(flows, mine)
        for name, value in tcp_figures(flows, ends.client, ends.server).items():
            row[name] = value
        self._fill_end(row, session)
        for name, field in _table.LOG:
            row[name] = -1 if facts.log is None else min(facts.log[field], _table.MOST)
        row["partial"] = self._partial(row, session)
        row["end_reason"], row["end_hr"] = self._end(session)

    def _fill_end(self, row: Any, session: Session) -> None:
        ended = self._disconnected(session.ends) >= 0
        end = closing_of(session, self._flows, self._data, ended, self._send)
        row["ended_by"], row["end_message"] = end.by, end.message
        row["played_out"], row["reached"] = end.played_out, end.reached
        row["udp_story"] = udp_story(session)

    def _fill_playback(self, row: Any, session: Session) -> None:
        found = playback_of(self._cap, session.entries, session.facts, self._send)
        level = found.level
        row["preroll"], row["first_key_frame"] = found.preroll, found.first_key
        row["preroll_reached"], row["lowest_buffer"] = level.reached, level.lowest
        row["underruns"], row["late_packets"], row["dry"] = level.underruns, level.late, level.dry

    @staticmethod
    def _fill_loss(row: Any, quality: Quality) -> None:
        loss, stalls = quality.loss, quality.stalls
        row["lost"], row["longest_loss"] = loss.delivery.lost, loss.delivery.longest
        row["lost_at_start"], row["lost_at_end"] = loss.at_start, loss.at_end
        row["reordered"], row["duplicates"] = loss.delivery.reordered, loss.delivery.duplicates
        row["resends_delivered"] = loss.resends_delivered
        row["longest_gap"], row["stalls"], row["stalled"] = (
            stalls.longest, stalls.count, stalls.total,
        )  # fmt: skip
        row["playing_bit_rate"] = quality.playing_bit_rate

    def _span(self, session: Session, mine: list[int]) -> tuple[int, int]:
        first = min((self._flows["first_time"][flow] for flow in mine), default=-1)
        last = max((self._flows["last_time"][flow] for flow in mine), default=-1)
        if len(session.ends.udp):
            times = self._data["time"][session.ends.udp]
            first = int(times.min()) if first < 0 else first
            last = max(last, int(times.max()))
        return first, last

    def _fill_times(self, row: Any, session: Session) -> None:
        moves = moves_of(session.ends.messages, self._control, session.entries, self._data)
        row["seeks"], row["pauses"], row["strides"] = moves.seeks, moves.pauses, moves.strides
        row["start_up"] = row["first_data"] = -1
        first = session.quality.first_media
        if first < 0:
            return
        connects = [m.time for m in session.ends.messages if m.mid == MID["LinkViewerToMacConnect"]]
        if connects:
            row["start_up"] = first - connects[0]
        if moves.first_start >= 0:
            row["first_data"] = first - moves.first_start_time

    def _partial(self, row: Any, session: Session) -> int:
        ends, bits = session.ends, 0
        mine = [flow for flow in (ends.client, ends.server) if flow >= 0]
        begun = session.facts.connected and all(self._flows["marks"][f] & SYN for f in mine)
        bits |= 0 if begun else _table.NO_START
        bits |= _table.NO_CLIENT if not self._heard(ends, True) else 0
        bits |= _table.NO_SERVER if not self._heard(ends, False) else 0
        bits |= _table.MISSING if row["gaps"] else 0
        bits |= _table.FAULTS if row["faults"] else 0
        bits |= _table.UNREAD if row["unread"] else 0
        ended = session.facts.closed or self._disconnected(ends) >= 0
        bits |= 0 if ended else _table.NO_END
        return bits

    def _heard(self, ends: Any, client: bool) -> bool:
        # whether bytes of this direction were captured, understood or not
        flow = ends.client if client else ends.server
        if flow >= 0 and self._flows["bytes"][flow]:
            return True
        if any(message.client == client for message in ends.messages):
            return True
        return not client and len(ends.tcp) + len(ends.udp) > 0

    def _end(self, session: Session) -> tuple[int, int]:
        facts, ends = session.facts, session.ends
        if facts.redirected:
            return _metadata.REDIRECTED, facts.hr
        ended = [m.hr for m in ends.messages if m.mid == MID["LinkMacToViewerReportEndOfStream"]]
        hr = facts.hr if facts.hr >= 0 else (ended[-1] if ended else -1)
        if facts.hr < 0 and nothing_came(session, self._flows):
            return _metadata.NOTHING_CAME, hr
        if facts.hr >= 0 and not session.quality.media_packets:
            return _metadata.REFUSED, hr
        denied = facts.auth_scheme and facts.auth_result == 0 and facts.credentials
        if denied and not session.quality.media_packets:
            return _metadata.REFUSED, hr
        if facts.closed:
            return _metadata.CLOSED, hr
        if self._disconnected(ends) >= 0:
            return _metadata.DISCONNECTED, hr
        return _metadata.CUT, hr

    def rates(self, index: int, seconds: float = 1.0) -> np.ndarray:
        """`RATES` of one session: received bit rate beside the announced one over time."""
        return session_rates(self[index], seconds)

    def buffer(self, index: int) -> np.ndarray:
        """What the player's buffer of one session held over time."""
        return buffer_levels(self._cap, self[index].entries, self._send)

    def column(self, name: str) -> np.ndarray:
        """One text of every session (`TEXTS`): an object array of str, row by row."""
        if name not in _table.TEXTS:
            raise KeyError(f"no text {name!r}; there are {', '.join(_table.TEXTS)}")
        out = np.empty(len(self), object)
        out[:] = [getattr(self[index], name) for index in range(len(self))]
        return out

    def __getitem__(self, index: int) -> Session:
        index = operator.index(index)
        index += len(self) if index < 0 else 0
        if not 0 <= index < len(self):
            raise IndexError(f"there is no session {index}")
        if index not in self._made:
            ends = self._ends(index)
            ends.kept = ends.messages  # which every step looks at
            self._made[index] = self._make(index, ends)
            ends.kept = None
        return self._made[index]

    def client_host(self, index: int) -> str:
        """Address of the client of a session."""
        return self._found.ends.client_host(index)

    def __len__(self) -> int:
        return len(self.table)
