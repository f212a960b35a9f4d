"""`mmscodec sessions`: what happened in each MMS session."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from typing import Any

from mmscodec.cli import choice, nothing
from mmscodec.cli.choice import Choice
from mmscodec.cli.damage import DAMAGED, Damage, say
from mmscodec.cli.files import limit, opened, page, seconds
from mmscodec.cli.output import colored, iso_time, width_of
from mmscodec.cli.progress import progress
from mmscodec.cli.session_words import Report, Tables, amount, counted, short, span
from mmscodec.cli.width import fitted, wrapped
from mmscodec.cli.written import csv_row
from mmscodec.lines.fields import safe
from mmscodec.schema import mms
from mmscodec.schema.values import hresult_text
from mmscodec.sessions import SIDES, STATES

HEADS = (
    "session", "start", "client", "server", "over", "packets", "bytes", "lost", "end", "file",
)  # fmt: skip
#: The same where a terminal is narrower than WIDE. Names of files are never cut.
_NARROW_HEADS = ("no", "start", "client", "bytes", "end", "file")
WIDE = 130
_MATCH_WORDS = {0: "", 1: "id", 2: "order"}
#: What may be cut of a table, down to so many columns.
LEAST = {"client": 12, "end": 9, "request": 10, "response": 12, "result": 8}
_LABEL_LEN, _INDENT = 9, 12
_BAR_LEN, _RATE_LEN = 40, 48  # _RATE_LEN: the columns in front of the bar


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="JSON lines, one object for each session")
    form.add_argument("--csv", action="store_true", help="CSV, lists as JSON")
    form.add_argument("-t", "--table", action="store_true", help="one line for each session")
    parser.add_argument(
        "-e", "--exchanges", action="store_true", help="also requests with their responses"
    )
    parser.add_argument("--states", action="store_true", help="also states of both sides over time")
    parser.add_argument(
        "--rates", type=seconds, metavar="SECONDS", help="also the bit rate in steps of this length"
    )
    limit(parser, "sessions, the first ones")
    choice.arguments(parser, sessions=True)
    page(parser)
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress bar")


def _exchange_lines(tables: Tables, session: Any, width: int | None) -> list[str]:
    """Requests and responses of one session as a table."""
    start = int(session.row["start"])
    cells = []
    for row in tables.of("exchanges", session.index):
        request = short(int(row["request_mid"])) if row["request"] >= 0 else "-"
        answer = short(int(row["response_mid"])) if row["response"] >= 0 else "-"
        hr = hresult_text(int(row["hr"])).split(" (")[0] if row["hr"] > 0 else ""
        how = _MATCH_WORDS[int(row["match"])]
        late = span(int(row["latency"])) if row["latency"] >= 0 else ""
        data = span(int(row["data_latency"])) if row["data_latency"] >= 0 else ""
        cells.append(
            (f"{(int(row['time']) - start) / 1e9:.6f}", request, answer, late, data, how, hr)
        )
    heads = ("time", "request", "response", "latency", "first Data", "by", "result")
    used = [i for i in range(len(heads)) if i < 4 or any(cell[i] for cell in cells)]
    return fitted(
        [[cell[i] for i in used] for cell in cells], [heads[i] for i in used], width, LEAST
    )


def _state_lines(tables: Tables, session: Any, width: int | None) -> list[str]:
    """States of both sides as a table."""
    start = int(session.row["start"])
    cells = []
    for row in tables.of("transitions", session.index):
        message = int(row["message"])
        cause = "connection ended" if row["data"] < 0 else "header complete"
        if message >= 0:
            cause = short(int(tables.capture.messages["mid"][message]))
        change = f"{STATES[int(row['before'])]} > {STATES[int(row['after'])]}"
        when = f"{(int(row['time']) - start) / 1e9:.6f}"
        cells.append((when, SIDES[int(row["side"])], change, cause))
    return fitted(cells, ("time", "side", "state", "by"), width, {"by": 8})


def _rate_lines(tables: Tables, session: Any, length: float, width: int | None) -> list[str]:
    """Received bit rate over time, with a bar against the announced one."""
    rows = tables.capture.session_rates(session.index, length)
    start = int(session.row["start"])
    most = max(int(rows["bit_rate"].max(initial=0)), int(rows["announced"].max(initial=0)), 1)
    size = _BAR_LEN if width is None else min(max(width - _RATE_LEN, 8), _BAR_LEN)
    cells = []
    for row in rows:
        when = f"{(int(row['time']) - start) / 1e9:.3f}"
        bar = "#" * round(size * int(row["bit_rate"]) / most)
        if row["announced"]:
            mark = min(round(size * int(row["announced"]) / most), size - 1)
            bar = f"{bar:<{size}}"
            bar = bar[:mark] + "|" + bar[mark + 1 :]
        rate = amount(int(row["bit_rate"]), "bit/s")
        cells.append((when, int(row["packets"]), amount(int(row["bytes"])), rate, bar.rstrip()))
    known = sorted({int(rate) for rate in rows["announced"] if rate})
    told = ", ".join(amount(rate, "bit/s") for rate in known)
    return fitted(cells, ("time", "packets", "bytes", "received", f"| announced {told}"), width, {})


def _as_json(tables: Tables, session: Any, options: argparse.Namespace) -> dict[str, Any]:
    """A session with all its columns and texts."""
    out = session.as_dict(options.charset)
    out["findings"] = tables.findings(session.row)
    for name, asked in (("exchanges", options.exchanges), ("transitions", options.states)):
        if asked:
            rows = tables.of(name, session.index)
            out[name] = [dict(zip(rows.dtype.names or (), row.tolist())) for row in rows]
    if options.rates:
        rates = tables.capture.session_rates(session.index, options.rates)
        out["rates"] = [dict(zip(rates.dtype.names or (), row.tolist())) for row in rates]
    for item in out.get("exchanges", ()):
        for name in ("request", "response"):
            item[f"{name}_name"] = (
                mms.message_name(item[f"{name}_mid"]) if item[name] >= 0 else None
            )
    for item in out.get("transitions", ()):
        item |= {"side": SIDES[item["side"]]}
        item |= {name: STATES[item[name]] for name in ("before", "after")}
    return out


def _table_lines(chosen: list[Any], width: int | None) -> list[str]:
    """One line for each session."""
    narrow = width is not None and width < WIDE
    cells = []
    for session in chosen:
        row = session.row
        start, end = iso_time(int(row["start"])), session.end_text
        cell = {
            "session": session.index, "no": session.index, "start": start,
            "client": session.client_address, "server": session.server_address,
            "over": session.transport, "packets": row["media_packets"],
            "bytes": row["media_bytes"], "lost": row["lost"], "file": session.file_name,
            "end": end + (" (partial)" if row["partial"] else ""),
        }  # fmt: skip
        if narrow:
            # the reason in one word: "closed by the client" is closed
            end = end.split(":")[0].removeprefix("connection ").removeprefix("capture ")
            cell |= {
                "client": session.ends.client_host,
                "bytes": amount(int(row["media_bytes"])),
                "end": ("partial, " if row["partial"] else "") + end.split(" ")[0],
            }  # fmt: skip
        cells.append([safe(str(cell[head])) for head in (_NARROW_HEADS if narrow else HEADS)])
    return fitted(cells, _NARROW_HEADS if narrow else HEADS, width, LEAST)


def selected(capture: Any, numbers: list[int] | None, wanted: Choice | None = None) -> list[Any]:
    """Sessions asked for; all if none was named."""
    wanted = wanted or Choice()
    count = len(capture.sessions)
    if numbers is None:
        numbers = list(range(count))
    for number in numbers:
        if not 0 <= number < count:
            raise IndexError(f"session {number}: there are {count}, counted from 0")
    rows = capture.sessions
    wanted.begin_in(capture)
    return [capture.session(i) for i in numbers if _played_in(rows[i], wanted)]


def _played_in(row: Any, wanted: Choice) -> bool:
    """Whether a session has one of the flows, and was there at some of the time, asked for."""
    flows = {int(row[name]) for name in ("client_flow", "server_flow", "data_flow", "resend_flow")}
    if wanted.flows is not None and not flows & set(wanted.flows):
        return False
    return wanted.overlaps(int(row["start"]), int(row["end"]))


def run(options: argparse.Namespace) -> int:
    """Print the sessions; 0, or 3 when the input was damaged or could not all be interpreted."""
    damage = Damage()
    with progress(options.quiet) as bar, opened(options.files, options, bar) as capture:
        damage.add(capture, capture)
        try:
            chosen = selected(capture, options.session, Choice(options))
        except IndexError as error:
            say(str(error))
            return 2
        bar.stop()
        chosen = chosen[: options.limit]
        tables = Tables(capture)
        if options.json:
            for session in chosen:
                print(json.dumps(_as_json(tables, session, options), separators=(",", ":")))
        elif options.csv:
            _print_csv([_as_json(tables, session, options) for session in chosen])
        elif options.table:
            print("\n".join(_table_lines(chosen, width_of(sys.stdout))))
        else:
            _print_blocks(tables, chosen, options)
        sys.stdout.flush()
        status = told(capture, bool(chosen), Choice(options).everything and not options.session)
    unread = sum(int(session.row["unread"]) for session in chosen)
    if unread:
        say(f"{counted(unread, 'byte')} of these sessions could not be interpreted")
    return damage.report() or (DAMAGED if unread else status)


def _print_csv(sessions: list[dict[str, Any]]) -> None:
    """A line of names, then one for each session."""
    names = dict.fromkeys(name for session in sessions for name in session)
    for session in sessions:
        csv_row({name: session.get(name) for name in names}, head=session is sessions[0])


def told(capture: Any, found: bool, everything: bool) -> int:
    """Say what there is beside sessions; 3 where nothing could be looked at."""
    halves = nothing.Halves()
    halves.add(capture.flows)
    halves.say()
    known = found or bool((capture.flows["protocol"] != "").any())
    return nothing.report(capture, known, chosen=not everything)


def _print_blocks(tables: Tables, chosen: list[Any], options: argparse.Namespace) -> None:
    """Each session as a block of lines, one empty line between them."""
    bold, plain = ("\x1b[1m", "\x1b[0m") if colored(sys.stdout) else ("", "")
    if not chosen:
        print("no MMS sessions")
    for number, session in enumerate(chosen):
        first, *more = block(tables, session, options)
        print("\n".join([*[""] * bool(number), bold + first + plain, *more]))


def block(tables: Tables, session: Any, options: argparse.Namespace) -> Iterator[str]:
    """The lines about one session."""
    width = width_of(sys.stdout)
    inner = None if width is None else width - 2
    report = Report(tables, session)
    yield from wrapped(safe(report.title()), width, indent=2)
    for label, text in report.lines():
        yield from wrapped(safe(text), width, f"  {label:<{_LABEL_LEN}} ", _INDENT)
    parts = []
    if options.exchanges:
        parts.append(_exchange_lines(tables, session, inner))
    if options.states:
        parts.append(_state_lines(tables, session, inner))
    if options.rates:
        parts.append(_rate_lines(tables, session, options.rates, inner))
    for lines in parts:
        if len(lines) < 2:  # the heads alone
            continue
        yield ""
        yield from (f"  {line}".rstrip() for line in lines)
