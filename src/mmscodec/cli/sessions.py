"""`mmscodec sessions`: what happened in each MMS session."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from typing import Any

from mmscodec.cli.damage import Damage, say
from mmscodec.cli.fields import safe
from mmscodec.cli.files import opened
from mmscodec.cli.output import colored, columns, iso_time
from mmscodec.cli.progress import progress
from mmscodec.schema import mms
from mmscodec.schema.values import FILE_ATTRIBUTES, flags_text, hresult_text
from mmscodec.sessions import MATCHES, SIDES, STATES

HEADS = (
    "session", "start", "client", "server", "over", "packets", "bytes", "lost", "file", "end",
)  # fmt: skip
BAR_LEN = 40
PREFIXES = ("LinkViewerToMac", "LinkMacToViewer")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="JSON lines, one object for each session")
    form.add_argument("-t", "--table", action="store_true", help="one line for each session")
    parser.add_argument(
        "-e", "--exchanges", action="store_true", help="also requests with their responses"
    )
    parser.add_argument("--states", action="store_true", help="also states of both sides over time")
    parser.add_argument(
        "--rates", type=float, metavar="SECONDS", help="also the bit rate in steps of this length"
    )
    parser.add_argument(
        "-s", "--session", type=int, action="append", metavar="N", help="only this one, from 0"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress bar")


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
    for prefix in PREFIXES:
        name = name.removeprefix(prefix)
    return name


class Report:
    """A session in words: (label, text) lines."""

    def __init__(self, capture: Any, session: Any) -> None:
        self.capture, self.session, self.row = capture, session, session.row

    def lines(self) -> Iterator[tuple[str, str]]:
        """What there is to say, in order."""
        for label in ("client", "server", "file", "auth", "played", "did", "network", "log"):
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
            count = f"{row['packet_count']} packets" if known else "packets"
            parts.append(f"{count} of {row['packet_size']} bytes")
        if row["attributes"]:
            names = flags_text(int(row["attributes"]), FILE_ATTRIBUTES)
            parts.append(names.replace("FILE_ATTRIBUTE_MMS_", "").lower().replace("|", " "))
        return ", ".join(filter(None, parts))

    def _auth(self) -> str:
        if not self.session.auth:
            return ""
        return f"{self.session.auth}, {counted(int(self.row['challenges']), 'challenge')}"

    def _played(self) -> str:
        row = self.row
        if not row["media_packets"]:
            return ""
        over = {6: "TCP", 17: "UDP"}.get(int(row["transport"]), "?")
        text = f"{row['media_packets']} packets, {amount(int(row['media_bytes']))} over {over}"
        if row["received_bit_rate"]:
            text += f", {amount(float(row['received_bit_rate']), 'bit/s')}"
        if row["start_up"] >= 0:
            text += f"; started after {span(int(row['start_up']))}"
        if row["first_data"] >= 0:
            text += f", first Data {span(int(row['first_data']))} after StartPlaying"
        return text

    def _did(self) -> str:
        row = self.row
        moves = ("seek", "pause", "stride")
        parts = [counted(int(row[f"{name}s"]), name) for name in moves if row[f"{name}s"]]
        if row["entries"] > 1:
            parts.append(f"{row['entries']} playlist entries")
        if row["redirected_to"] >= 0:
            parts.append(f"went on as session {row['redirected_to']}")
        if row["reconnect_of"] >= 0:
            parts.append(f"resumes session {row['reconnect_of']}")
        if self.session.redirect_location:
            parts.append(f"redirected to {self.session.redirect_location}")
        return ", ".join(parts)

    def _network(self) -> str:
        row, parts = self.row, []
        if row["pings"]:
            times = f"{span(int(row['ping_min']))} to {span(int(row['ping_max']))}"
            parts.append(f"{counted(int(row['pings']), 'ping')} {times}")
        if row["transport"] == 17 and row["media_packets"]:
            parts.append(f"{row['lost']} lost (at most {row['longest_loss']} in a row)")
            parts.append(f"{row['reordered']} out of order, {row['duplicates']} twice")
        if row["resends_asked"]:
            parts.append(f"{row['resends_delivered']} of {row['resends_asked']} resent")
        if row["location_jumps"]:
            parts.append(
                f"{row['locations_left_out']} locations left out in "
                f"{counted(int(row['location_jumps']), 'jump')}"
            )
        return ", ".join(parts)

    def _log(self) -> str:
        log = self.session.log
        if log is None:
            return ""
        return (
            f"by the client: {log['dw_packets_received']} packets, "
            f"{amount(log['qw_bytes_received'])}, {log['dw_packets_lost_client']} lost, "
            f"{log['dw_packets_recovered_resent']} recovered, quality "
            f"{log['dw_min_reception_quality']} %, {log['ms_played']} ms played"
        )

    def _requests(self) -> str:
        row = self.row
        if not row["requests"]:
            return ""
        text = str(row["requests"])
        if row["unanswered"]:
            mine = self.capture.exchanges
            mine = mine[mine["session"] == self.session.index]
            mine = mine[(mine["request"] >= 0) & (mine["response"] < 0)]
            names = dict.fromkeys(short(int(mid)) for mid in mine["request_mid"])
            text += f", {row['unanswered']} not answered: {', '.join(names)}"
        return text

    def _wrong(self) -> str:
        row, parts = self.row, []
        for name, word in (("violations", "violation"), ("deviations", "deviation")):
            if row[name] > 0:
                parts.append(counted(int(row[name]), word))
        if row["faults"]:
            parts.append(counted(int(row["faults"]), "malformed place"))
        return ", ".join(parts)

    def _partial(self) -> str:
        return self.session.partial_text


def exchange_lines(capture: Any, index: int) -> list[str]:
    """Requests and responses of one session as a table."""
    rows = capture.exchanges
    rows = rows[rows["session"] == index]
    start = int(capture.sessions["start"][index])
    cells = []
    for row in rows:
        request = short(int(row["request_mid"])) if row["request"] >= 0 else "-"
        answer = short(int(row["response_mid"])) if row["response"] >= 0 else "-"
        hr = hresult_text(int(row["hr"])) if row["hr"] > 0 else ""
        how = MATCHES[int(row["match"])] if row["match"] else ""
        late = span(int(row["latency"])) if row["latency"] >= 0 else ""
        data = span(int(row["data_latency"])) if row["data_latency"] >= 0 else ""
        cells.append(
            (f"{(int(row['time']) - start) / 1e9:.6f}", request, answer, late, data, how, hr)
        )
    return columns(cells, ("time", "request", "response", "latency", "first Data", "by", "result"))


def state_lines(capture: Any, index: int) -> list[str]:
    """States of both sides as a table."""
    rows = capture.transitions
    rows = rows[rows["session"] == index]
    start = int(capture.sessions["start"][index])
    cells = []
    for row in rows:
        message = int(row["message"])
        cause = "connection ended" if row["data"] < 0 else "header complete"
        if message >= 0:
            cause = short(int(capture.messages["mid"][message]))
        change = f"{STATES[int(row['before'])]} > {STATES[int(row['after'])]}"
        when = f"{(int(row['time']) - start) / 1e9:.6f}"
        cells.append((when, SIDES[int(row["side"])], change, cause))
    return columns(cells, ("time", "side", "state", "by"))


def rate_lines(capture: Any, index: int, seconds: float) -> list[str]:
    """Received bit rate over time, with a bar against the announced one."""
    rows = capture.session_rates(index, seconds)
    start = int(capture.sessions["start"][index])
    most = max(int(rows["bit_rate"].max(initial=0)), int(rows["announced"].max(initial=0)), 1)
    cells = []
    for row in rows:
        when = f"{(int(row['time']) - start) / 1e9:.3f}"
        bar = "#" * round(BAR_LEN * int(row["bit_rate"]) / most)
        if row["announced"]:
            mark = min(round(BAR_LEN * int(row["announced"]) / most), BAR_LEN - 1)
            bar = f"{bar:<{BAR_LEN}}"
            bar = bar[:mark] + "|" + bar[mark + 1 :]
        rate = amount(int(row["bit_rate"]), "bit/s")
        cells.append((when, int(row["packets"]), int(row["bytes"]), rate, bar.rstrip()))
    return columns(cells, ("time", "packets", "bytes", "received", "| announced"))


def as_json(capture: Any, session: Any, options: argparse.Namespace) -> dict[str, Any]:
    """A session with all its columns and texts."""
    out = session.as_dict()
    for name, asked in (("exchanges", options.exchanges), ("transitions", options.states)):
        if asked:
            rows = getattr(capture, name)
            rows = rows[rows["session"] == session.index]
            out[name] = [dict(zip(rows.dtype.names, row.tolist())) for row in rows]
    if options.rates:
        rates = capture.session_rates(session.index, options.rates)
        out["rates"] = [dict(zip(rates.dtype.names, row.tolist())) for row in rates]
    for item in out.get("exchanges", ()):
        for name in ("request", "response"):
            item[f"{name}_name"] = (
                mms.message_name(item[f"{name}_mid"]) if item[name] >= 0 else None
            )
    for item in out.get("transitions", ()):
        item |= {"side": SIDES[item["side"]]}
        item |= {name: STATES[item[name]] for name in ("before", "after")}
    return out


def table_lines(capture: Any, chosen: list[Any]) -> list[str]:
    """One line for each session."""
    cells = []
    for session in chosen:
        row = session.row
        cells.append(
            (
                session.index, iso_time(int(row["start"]))[:19], session.client_address,
                session.server_address, session.transport_name, row["media_packets"],
                row["media_bytes"], row["lost"], session.file_name,
                session.end_text + (" (partial)" if row["partial"] else ""),
            )
        )  # fmt: skip
    return columns([[safe(str(cell)) for cell in line] for line in cells], HEADS)


def selected(capture: Any, numbers: list[int] | None) -> list[Any]:
    """Sessions asked for; all if none was named."""
    count = len(capture.sessions)
    if numbers is None:
        numbers = list(range(count))
    for number in numbers:
        if not 0 <= number < count:
            raise IndexError(f"session {number}: there are {count}, counted from 0")
    return [capture.session(number) for number in numbers]


def run(options: argparse.Namespace) -> int:
    """Print the sessions; 0, or 3 when the input was damaged."""
    damage = Damage()
    with opened(options.files) as capture:
        with progress(options.quiet) as bar:
            bar.start(f"reading {options.files[0]}")
            damage.add(capture)
            try:
                chosen = selected(capture, options.session)
            except IndexError as error:
                say(str(error))
                return 2
        if options.json:
            for session in chosen:
                print(json.dumps(as_json(capture, session, options), separators=(",", ":")))
        elif options.table:
            print("\n".join(table_lines(capture, chosen)))
        else:
            print("\n\n".join(blocks(capture, chosen, options)) or "no MMS sessions")
        sys.stdout.flush()
    return damage.report()


def blocks(capture: Any, chosen: list[Any], options: argparse.Namespace) -> Iterator[str]:
    """Each session as a block of lines."""
    bold, plain = ("\x1b[1m", "\x1b[0m") if colored(sys.stdout) else ("", "")
    for session in chosen:
        report = Report(capture, session)
        out = [bold + safe(report.title()) + plain]
        out += [f"  {label:<9} {safe(text)}" for label, text in report.lines()]
        if options.exchanges:
            out += ["", *(f"  {line}" for line in exchange_lines(capture, session.index))]
        if options.states:
            out += ["", *(f"  {line}" for line in state_lines(capture, session.index))]
        if options.rates:
            lines = rate_lines(capture, session.index, options.rates)
            out += ["", *(f"  {line}" for line in lines)]
        yield "\n".join(out)
