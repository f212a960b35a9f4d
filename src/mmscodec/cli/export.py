"""`mmscodec export`: chosen flows as a capture file, or each as the bytes of its stream."""

from __future__ import annotations

import argparse
import os
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from mmscodec.cli import choice, written
from mmscodec.cli.choice import Choice
from mmscodec.cli.damage import Damage, say
from mmscodec.cli.files import limit, opened
from mmscodec.cli.flows import endpoint
from mmscodec.cli.progress import progress
from mmscodec.cli.sessions import selected
from mmscodec.cli.written import Written

_PIECE = 4 << 20  # bytes of a stream written at a time


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    choice.arguments(parser, sessions=True)
    parser.add_argument(
        "-o", "--output", required=True, metavar="PATH",
        help="the capture file (- is standard output), or the folder of raw streams",
    )  # fmt: skip
    parser.add_argument(
        "--format", choices=("pcap", "pcapng", "raw"),
        help="raw: a file for each flow, with the bytes of its stream (default: a capture)",
    )  # fmt: skip
    parser.add_argument(
        "--missing", choices=("fill", "leave"), default="fill",
        help="raw: zeros for missing bytes, so that offsets are those of decode, or nothing",
    )  # fmt: skip
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist")
    limit(parser, "flows, the first ones that are asked for")
    written.arguments(parser)
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress bar")


def run(options: argparse.Namespace) -> int:
    """Write the files; 0, 1 if there are none or some exist, 2 for no such flow, 3 for damage."""
    damage = Damage()
    with (
        progress(options.quiet or options.output == "-") as bar,
        opened(options.files, options, bar, spool=True) as capture,
    ):
        damage.add(capture, capture)
        try:
            flows = _chosen(capture, options)[: options.limit]
        except IndexError as error:
            say(str(error))
            return 2
        bar.stop()
        if not len(flows):
            say("no flow of MMS or WinMX is here, or none that was asked for")
            return 1
        raw = options.format == "raw"
        status = (_streams if raw else _frames)(capture, flows, options)
    return status or damage.report()


def _chosen(capture: Any, options: argparse.Namespace) -> np.ndarray:
    """Numbers of the flows asked for; IndexError for one that is not there."""
    table, wanted = capture.flows, Choice(options)
    numbers = list(wanted.flows or [])
    for number in numbers:
        if not 0 <= number < len(table):
            raise IndexError(f"there is no flow {number}: the capture has {len(table)}")
    if options.session:
        for session in selected(capture, options.session):
            parts = ("client_flow", "server_flow", "data_flow", "resend_flow")
            numbers += [int(session.row[part]) for part in parts]
    everything = wanted.flows is None and not options.session
    known = table["protocol"] != "" if everything else np.isin(table["flow"], numbers)
    wanted.begin_in(capture)
    spans = zip(table["first_time"].tolist(), table["last_time"].tolist())
    return table["flow"][known & np.array([wanted.overlaps(*span) for span in spans], bool)]


def _exists(path: str, options: argparse.Namespace) -> bool:
    there = os.path.isfile(path) and not options.overwrite
    if there:
        say(f"{path} exists; --overwrite replaces it")
    return there


def _frames(capture: Any, flows: np.ndarray, options: argparse.Namespace) -> int:
    """The frames of flows, of both directions, and those of the datagrams they announced."""
    table = capture.flows
    asked = np.union1d(flows, table["peer"][flows])
    both = np.union1d(flows, table["flow"][np.isin(table["control"], asked[asked >= 0])])
    if options.output == "-":
        capture.write_pcap(sys.stdout.buffer, both, format=options.format)
        sys.stdout.buffer.flush()
        return 0
    if _exists(options.output, options):
        return 1
    count = capture.write_pcap(options.output, both, format=options.format)
    words = f"{options.output}  {count} frames of {len(both)} flows"
    Written(options).tell([words], path=options.output, frames=count, flows=both.tolist())
    return 0


def _streams(capture: Any, flows: np.ndarray, options: argparse.Namespace) -> int:
    """A file for each flow; 1 if some exist."""
    folder = Path(options.output)
    folder.mkdir(parents=True, exist_ok=True)
    status, report = 0, Written(options)
    for flow in flows.tolist():
        row = capture.flows[flow]
        ends = "-".join(endpoint(row, side) for side in ("src", "dst"))
        path = folder / f"{flow:04d}-{re.sub('[^0-9A-Za-z.-]+', '_', ends)}.bin"
        if _exists(str(path), options):
            status = 1
            continue
        part = path.with_name(path.name + ".part")
        try:
            with part.open("wb") as file:
                size, missing = _write(capture, flow, file, options.missing == "fill")
            part.replace(path)
        finally:
            with suppress(OSError):
                part.unlink()
        words = f"{path}  {size} bytes" + (f", {missing} missing" if missing else "")
        report.tell([words], path=str(path), flow=flow, bytes=size, missing=missing)
    return status


def _write(capture: Any, flow: int, file: BinaryIO, fill: bool) -> tuple[int, int]:
    """The bytes of a flow, and how many were written and are missing."""
    gaps = capture.gaps[capture.gaps["flow"] == flow]
    holes = sorted(zip(gaps["offset"].tolist(), (gaps["offset"] + gaps["length"]).tolist()))
    total = int(capture.flows["length"][flow])
    at = written = 0
    for start, end in [*holes, (total, total)]:
        for place in range(at, start, _PIECE):
            file.write(capture.read(flow, place, min(_PIECE, start - place)))
        written += max(start - at, 0)
        if fill and end > start:
            file.seek(end - start, os.SEEK_CUR)  # a hole of the file too, where it can have one
            written += end - start
        at = max(at, end)
    file.truncate(written)
    return written, int(gaps["length"].sum())
