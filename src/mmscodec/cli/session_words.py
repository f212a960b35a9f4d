"""One session in words: what was asked for, what came, how well, and what was wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from mmscodec.cli.output import iso_time
from mmscodec.schema import mms
from mmscodec.schema.findings import FINDING_FIELDS, FINDING_TEXTS, FindingCode, Severity
from mmscodec.schema.values import FILE_ATTRIBUTES, flags_text
from mmscodec.sessions.closing import ABANDONED, ENDED_BY, PLAYED_OUT
from mmscodec.sessions.metadata import hr_name
from mmscodec.sessions.session_flows import RowsByFlow
from mmscodec.sessions.transports import DELIVERED as UDP_DELIVERED
from mmscodec.sessions.transports import NOT_TRIED as UDP_NOT_TRIED
from mmscodec.sessions.transports import REFUSED as UDP_REFUSED
from mmscodec.sessions.transports import UDP_STORIES

_PREFIXES = ("LinkViewerToMac", "LinkMacToViewer")
KINDS = 3  # of findings that are named


def amount(count: float, unit: str = "B") -> str:
    """A number with the prefix that keeps it short.

    >>> amount(1_234_567), amount(999), amount(64_000, "bit/s")
    ('1.23 MB', '999 B', '64 kbit/s')
    """
    for prefix in ("", "k", "M", "G"):
        if count < 1000 or prefix == "G":
            break
        count /= 1000
    return f"{count:.3g} {prefix}{unit}"


def span(ns: int) -> str:
    """A time in the unit that suits it.

    >>> span(1_500), span(2_345_678), span(61_000_000_000), span(-1)
    ('1.5 us', '2.35 ms', '61 s', '?')
    """
    if ns < 0:
        return "?"
    for unit, size in (("s", 10**9), ("ms", 10**6), ("us", 10**3)):
        if ns >= size:
            return f"{ns / size:.3g} {unit}"
    return f"{ns} ns"


def counted(number: int, word: str, plural: str = "") -> str:
    """`1 seek`, `2 seeks`."""
    return f"{number} {word if number == 1 else plural or word + 's'}"


def short(mid: int) -> str:
    """Name of a message without its prefix."""
    name = mms.message_name(mid)
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name


def _kind_words(kind: dict[str, Any]) -> str:
    """`ConnectFunnel.maxBitRate 2 times`: which field a kind of finding is about, how often."""
    name = kind["field"] or kind["text"]
    for prefix in (*_PREFIXES, "TcpMessageHeader."):
        name = name.removeprefix(prefix)
    return f"{name} {kind['count']} times" if kind["count"] > 1 else name


class Tables:
    """Rows of the tables of a capture by session, found without looking at all of them."""

    def __init__(self, capture: Any) -> None:
        self.capture = capture
        self._bounds: dict[str, np.ndarray] = {}
        self._findings: RowsByFlow | None = None

    def of(self, name: str, session: int) -> np.ndarray:
        """Rows of `exchanges` or `transitions`, which are in order of sessions."""
        rows = getattr(self.capture, name)
        if name not in self._bounds:
            numbers = np.arange(len(self.capture.sessions) + 1)
            self._bounds[name] = np.searchsorted(np.ascontiguousarray(rows["session"]), numbers)
        low, high = self._bounds[name][session : session + 2]
        return rows[low:high]

    def findings(self, row: Any) -> list[dict[str, Any]]:
        """Kinds of findings in the flows of a session with their counts, most frequent first."""
        found = self.capture.findings
        if self._findings is None:
            self._findings = RowsByFlow(found, len(self.capture.flows))
        flows = {
            int(row[name]) for name in ("client_flow", "server_flow", "data_flow", "resend_flow")
        }
        rows = np.concatenate([self._findings[flow] for flow in flows])
        kinds = Counter(
            zip(*(found[rows][name].tolist() for name in ("severity", "code", "field")))
        )
        return [
            {
                "severity": Severity(severity).name.lower(),
                "code": FindingCode(code).name,
                "field": _field_name(field),
                "count": count,
                "text": FINDING_TEXTS[FindingCode(code)],
            }
            for (severity, code, field), count in sorted(
                kinds.items(), key=lambda item: (item[0][0], -item[1], item[0])
            )
        ]


def _field_name(number: int) -> str | None:
    """`LinkViewerToMacConnect.MBZ`, None for a finding about no one field."""
    if number not in FINDING_FIELDS:
        return None
    struct, path, _ = FINDING_FIELDS[number]
    return f"{struct.name}.{path}"


class Report:
    """A session in words: (label, text) lines."""

    def __init__(self, tables: Tables, session: Any) -> None:
        self.tables, self.session, self.row = tables, session, session.row

    def lines(self) -> Iterator[tuple[str, str]]:
        """What there is to say, in order."""
        labels = ("client", "server", "file", "auth", "played", "ended", "did", "udp", "stalls",
                  "buffer", "network", "tcp", "log")  # fmt: skip
        for label in labels:
            if text := getattr(self, f"_{label}")():
                yield label, text
        for label in ("requests", "wrong", "partial"):
            if text := getattr(self, f"_{label}")():
                yield label, text

    def title(self) -> str:
        """Number, start, duration and end."""
        row = self.row
        length = span(int(row["end"]) - int(row["start"]))
        return (
            f"session {self.session.index}  {iso_time(int(row['start']))}  {length}  "
            f"{self.session.end_text}"
        )

    def _client(self) -> str:
        s = self.session
        player = f"{s.player} {s.player_version}".strip()
        guid = f"{{{s.guid}}}" if s.guid else ""
        return "  ".join(filter(None, (s.client_address, player, guid, s.via and f"via {s.via}")))

    def _server(self) -> str:
        return "  ".join(filter(None, (self.session.server_address, self.session.server_version)))

    def _file(self) -> str:
        row, parts = self.row, [self.session.url]
        if 0 < row["duration"] < float("inf"):
            parts.append(f"{row['duration']:.4g} s")
        if row["bit_rate"]:
            parts.append(amount(int(row["bit_rate"]), "bit/s"))
        if row["packet_size"]:
            known = row["packet_count"] not in (0, 0xFFFFFFFF)
            count = counted(int(row["packet_count"]), "packet") if known else "packets"
            parts.append(f"{count} of {row['packet_size']} bytes")
        if row["attributes"]:
            names = flags_text(int(row["attributes"]), FILE_ATTRIBUTES)
            parts.append(names.replace("FILE_ATTRIBUTE_MMS_", "").lower().replace("|", " "))
        return ", ".join(filter(None, parts))

    def _auth(self) -> str:
        if not self.session.auth:
            return ""
        parts = [self.session.auth]
        if self.row["challenges"]:
            parts.append(counted(int(self.row["challenges"]), "challenge"))
        return ", ".join(parts)

    def _played(self) -> str:
        row = self.row
        if not row["media_packets"]:
            return ""
        over = str(row["transport"]).upper() or "?"
        text = f"{counted(int(row['media_packets']), 'packet')}, "
        text += f"{amount(int(row['media_bytes']))} over {over}"
        if row["received_bit_rate"]:
            text += f" at {amount(float(row['received_bit_rate']), 'bit/s')}"
        if row["start_up"] >= 0:
            text += f"; started after {span(int(row['start_up']))}"
        if row["first_data"] >= 0:
            text += f", first Data {span(int(row['first_data']))} after StartPlaying"
        return text

    def _did(self) -> str:
        row = self.row
        moves = ("seek", "pause", "stride")
        parts = [counted(int(row[f"{name}s"]), name) for name in moves if row[f"{name}s"]]
        if row["stream_switches"]:
            parts.append(counted(int(row["stream_switches"]), "stream switch", "stream switches"))
        if row["entries"] > 1:
            parts.append(f"{row['entries']} files")
        if row["redirected_to"] >= 0:
            parts.append(f"went on as session {row['redirected_to']}")
        if row["retried_as"] >= 0:
            parts.append(f"tried again as session {row['retried_as']}")
        if row["reconnect_of"] >= 0:
            parts.append(f"resumes session {row['reconnect_of']}")
        if self.session.redirect_location:
            parts.append(f"redirected to {self.session.redirect_location}")
        return ", ".join(parts)

    def _ended(self) -> str:
        row, parts = self.row, []
        if row["ended_by"]:
            text = f"by the {ENDED_BY[int(row['ended_by'])]}"
            if row["end_message"] >= 0:
                text += f" after {short(self._mid_of(int(row['end_message'])))}"
            parts.append(text)
        reached = f" at {row['reached']:.4g} s" if row["reached"] >= 0 else ""
        if row["played_out"] == PLAYED_OUT:
            parts.append("played to its end" + reached)
        elif row["played_out"] == ABANDONED:
            parts.append("abandoned" + reached)
        return ", ".join(parts)

    def _mid_of(self, message: int) -> int:
        return int(self.tables.capture.messages["mid"][message])

    def _udp(self) -> str:
        facts, story = self.session.facts, int(self.row["udp_story"])
        if story in (UDP_NOT_TRIED, UDP_DELIVERED):
            return ""
        text = f"asked for, port {facts.udp_port}: "
        if story == UDP_REFUSED:
            name = hr_name(facts.udp_hr).split(" (")[0]
            text += f"refused ({name})" if name else "refused"
        else:
            text += UDP_STORIES[story].partition(", ")[0].removeprefix("UDP ")
            text += ", " + UDP_STORIES[story].partition(", ")[2]
        if story == UDP_REFUSED and facts.transport == "tcp":
            text += ", then over TCP"
        if self.row["retried_as"] >= 0:
            text += f", then over TCP as session {self.row['retried_as']}"
        return text

    def _stalls(self) -> str:
        row = self.row
        if row["longest_gap"] < 0 or not row["media_packets"]:
            return ""
        text = f"longest gap between packets {span(int(row['longest_gap']))}"
        if row["stalls"]:
            text += f", {counted(int(row['stalls']), 'gap')} above 1 s, "
            text += f"{span(int(row['stalled']))} together"
        if row["playing_bit_rate"]:
            text += f"; {amount(float(row['playing_bit_rate']), 'bit/s')} without pauses and stalls"
        return text

    def _buffer(self) -> str:
        row, parts = self.row, []
        if row["preroll"] <= 0 or not row["media_packets"]:
            return ""
        preroll = f"preroll of {span(int(row['preroll']))}"
        if row["preroll_reached"] < 0:
            parts.append(f"{preroll} never reached")
        else:
            parts.append(f"{preroll} reached after {span(int(row['preroll_reached']))}")
        if row["underruns"]:
            text = f"ran empty {counted(int(row['underruns']), 'time')}"
            parts.append(f"{text}, {span(int(row['dry']))} together")
        if row["late_packets"]:
            parts.append(f"{counted(int(row['late_packets']), 'packet')} late")
        elif row["lowest_buffer"] >= 0:
            parts.append(f"never below {span(int(row['lowest_buffer']))}")
        if row["first_key_frame"] >= 0:
            parts.append(f"first key frame after {span(int(row['first_key_frame']))}")
        return ", ".join(parts)

    def _tcp(self) -> str:
        row, parts = self.row, []
        for name, word in (
            ("retransmissions", "segment"), ("out_of_order", "segment"), ("zero_windows", "window")
        ):  # fmt: skip
            if row[name]:
                words = {"retransmissions": "sent again", "out_of_order": "out of order",
                         "zero_windows": "of 0 by the client"}[name]  # fmt: skip
                parts.append(f"{counted(int(row[name]), word)} {words}")
        if row["rtt_mean"] >= 0:
            times = f"{span(int(row['rtt_min']))} to {span(int(row['rtt_max']))}"
            parts.append(f"round trip {times}, {span(int(row['rtt_mean']))} on average")
        if row["copies"] > 1:
            parts.append(
                f"all of it captured {row['copies']} times: replayed, or copied on the way"
            )
        return ", ".join(parts)

    def _network(self) -> str:
        row, parts = self.row, []
        if row["pings"]:
            parts.append(self._pings())
        if row["transport"] == "udp" and (row["media_packets"] or row["lost"]):
            detail = f" (at most {row['longest_loss']} in a row"
            detail += f", {row['lost_at_start']} at the start" * bool(row["lost_at_start"])
            detail += f", {row['lost_at_end']} at the end" * bool(row["lost_at_end"]) + ")"
            parts.append(f"{row['lost']} lost" + detail * bool(row["lost"]))
            parts.append(f"{row['reordered']} out of order, {row['duplicates']} twice")
        if row["resends_asked"]:
            asked = counted(int(row["resends_asked"]), "packet")
            parts.append(f"{row['resends_delivered']} of {asked} asked for resent")
        if row["location_jumps"]:
            parts.append(
                f"{counted(int(row['locations_left_out']), 'location')} left out in "
                f"{counted(int(row['location_jumps']), 'jump')}"
            )
        return ", ".join(parts)

    def _pings(self) -> str:
        row = self.row
        text = counted(int(row["pings"]), "ping")
        if row["unanswered_pings"] == row["pings"]:
            return text + (", not answered" if row["pings"] == 1 else ", none answered")
        if row["ping_min"] == row["ping_max"]:
            text += f" {span(int(row['ping_min']))}"
        else:
            text += f" {span(int(row['ping_min']))} to {span(int(row['ping_max']))}"
        if row["unanswered_pings"]:
            text += f", {row['unanswered_pings']} not answered"
        return text

    def _log(self) -> str:
        log, row = self.session.log, self.row
        if log is None:
            return ""
        media = int(row["media_packets"])
        packets = counted(log["dw_packets_received"], "packet")
        if log["dw_packets_received"] != media:
            packets += f" ({media} captured)"
        lost = f"{log['dw_packets_lost_client']} lost"
        if row["transport"] == "udp" and log["dw_packets_lost_client"] != row["lost"]:
            lost += f" ({row['lost']} measured)"
        parts = [
            packets, amount(log["qw_bytes_received"]), lost,
            f"{log['dw_packets_recovered_resent']} recovered",
            f"quality {log['dw_min_reception_quality']} %", f"{log['ms_played']} ms played",
        ]  # fmt: skip
        if log["dw_buffering_count"]:
            times = counted(log["dw_buffering_count"], "time")
            parts.append(f"buffered {times}, {log['ms_buffering_time']} ms")
        return "by the client: " + ", ".join(parts)

    def _requests(self) -> str:
        row = self.row
        if not row["requests"]:
            return ""
        text = str(row["requests"])
        if row["unanswered"]:
            mine = self.tables.of("exchanges", self.session.index)
            mine = mine[(mine["request"] >= 0) & (mine["response"] < 0)]
            names = dict.fromkeys(short(int(mid)) for mid in mine["request_mid"])
            text += f", {row['unanswered']} not answered: {', '.join(names)}"
        return text

    def _wrong(self) -> str:
        row, parts = self.row, []
        kinds = self.tables.findings(row) if row["violations"] + row["deviations"] > 0 else []
        for name, word in (("violations", "violation"), ("deviations", "deviation")):
            if row[name] > 0:
                mine = [kind for kind in kinds if kind["severity"] == word]
                texts = [_kind_words(kind) for kind in mine[:KINDS]]
                if len(mine) > KINDS:
                    texts.append(counted(len(mine) - KINDS, "other kind"))
                parts.append(f"{counted(int(row[name]), word)} ({', '.join(texts)})")
        if row["faults"]:
            parts.append(counted(int(row["faults"]), "malformed place"))
        return "; ".join(parts)

    def _partial(self) -> str:
        text = self.session.partial_text
        if self.row["unread"]:
            text = text.replace("bytes that nothing", f"{self.row['unread']} bytes that nothing")
        return text
