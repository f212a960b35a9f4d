"""What tshark shows with our dissector, and what `decode --json` has, as the same kind of rows."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

import mmscodec
from mmscodec.lines.fields import Style
from mmscodec.lines.forms import JsonForm
from mmscodec.lines.rows import Rows
from mmscodec.schema import mms, winmx
from mmscodec.wireshark import dissector
from mmscodec.wireshark import mms as mms_lua
from mmscodec.wireshark import winmx as winmx_lua
from mmscodec.wireshark.fields import family

ROOT = Path(__file__).resolve().parents[1] / "captures"
OPTIONS = ("-o", "tcp.reassemble_out_of_order:TRUE", "-o", "tcp.desegment_tcp_streams:TRUE")
TABLES = {"mmsc": mms_lua.tables()[0], "winmx": winmx_lua.tables()[0]}


def needs_tshark() -> str:
    """The program, or a skip that says so."""
    program = shutil.which("tshark")
    if program is None:
        pytest.skip("tshark is not installed")
    return program


def script(folder: Path) -> Path:
    """The dissector in a file."""
    path = folder / "mmscodec.lua"
    path.write_text(dissector(), encoding="ascii")
    return path


def run(lua: Path, capture: Path, *options: str) -> str:
    """What tshark prints; words of Lua on its errors are a failure."""
    command = [needs_tshark(), "-n", "-r", str(capture), "-X", f"lua_script:{lua}", *OPTIONS]
    done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=300)
    assert "Lua" not in done.stderr, done.stderr
    assert "Lua Error" not in done.stdout, done.stdout[-2000:]
    return done.stdout


def without_us(capture: Path, *options: str) -> str:
    """What tshark prints of itself."""
    command = [needs_tshark(), "-n", "-r", str(capture), *OPTIONS, *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=300).stdout


def shown(lua: Path, capture: Path, *options: str) -> dict[tuple[str, str], list[Any]]:
    """By (source, destination): (name, fields as (filter name, value, raw hex)) in order."""
    protocols = "ip ipv6 tcp udp mmsc winmx"
    text = run(lua, capture, "-T", "json", "-x", "-J", protocols, *options)
    packets = json.loads(text, object_pairs_hook=list) if text.strip() else []
    found: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for packet in packets:
        layers = dict(dict(packet)["_source"])["layers"]
        ends = endpoints(layers)
        for protocol, tree in layers:
            if protocol in TABLES and isinstance(tree, list):
                found[ends] += named(protocol, tree)
    return {ends: joined(rows) for ends, rows in found.items()}


def endpoints(layers: list[tuple[str, Any]]) -> tuple[str, str]:
    """Addresses and ports of the innermost headers."""
    seen: dict[str, str] = {}
    for name, tree in layers:
        if name in ("ip", "ipv6", "tcp", "udp") and isinstance(tree, list):
            for key, value in tree:
                for end in ("src", "dst"):
                    if key == f"{name}.{end}":
                        seen[end] = f"[{value}]" if name == "ipv6" else value
                    if key == f"{name}.{end}port":
                        seen[end + "port"] = value
    return tuple(f"{seen[end]}:{seen[end + 'port']}" for end in ("src", "dst"))  # type: ignore


def named(protocol: str, tree: list[tuple[str, Any]]) -> list[Any]:
    """The rows of one layer: messages with a tree of their own, or the layer itself."""
    name_key = f"{protocol}.name"
    rows = []
    for (key, value), (after, inner) in zip(tree, [*tree[1:], ("", None)]):
        if key == name_key:
            rows.append((value, flat(inner if after == name_key + "_tree" else tree)))
    return rows


def joined(rows: list[Any]) -> list[Any]:
    """A list of a peer cache is shown in pieces, a segment each: here as the one that it is."""
    out: list[Any] = []
    for name, fields in rows:
        if name == "CacheList" and out and out[-1][0] == name:
            out[-1] = (name, out[-1][1] + fields)
        else:
            out.append((name, fields))
    return out


def flat(tree: list[tuple[str, Any]]) -> list[tuple[str, Any, str]]:
    """(filter name, value, raw hex) of all fields below."""
    out, raw = [], {}
    for key, value in tree or []:
        if key.endswith("_raw"):
            raw[key.removesuffix("_raw")] = value[0]
        elif isinstance(value, list):
            out += flat(value)
        elif "." in key:
            out.append((key, value, raw.get(key, "")))
    return out


def decoded(capture: Path) -> dict[tuple[str, str], list[Any]]:
    """The rows of `decode --json --show-secrets`, by (source, destination)."""
    found: dict[tuple[str, str], list[Any]] = defaultdict(list)
    with mmscodec.open(str(capture)) as cap:
        ends = {int(f["flow"]): (end(f, "src"), end(f, "dst")) for f in cap.flows}
        form = JsonForm(Style(secrets=True))
        lines = b"".join(form.lines(Rows(cap), ends)).decode().splitlines()
    for line in lines:
        row = json.loads(line)
        if row["type"] in ("message", "data", "fault", "gap"):
            found[row["src"], row["dst"]].append(row)
    return found


def end(flow: Any, side: str) -> str:
    """An end of a flow as `decode` prints it."""
    from mmscodec.cli.flows import endpoint

    return endpoint(flow, side)


def compared(lua: Path, capture: Path, *options: str, without: tuple[str, ...] = ()) -> list[str]:
    """All differences of a capture, rows of the names `without` left out."""
    theirs, ours = shown(lua, capture, *options), decoded(capture)
    out = []
    for ends in {**ours, **theirs}:
        rows = [row for row in ours.get(ends, []) if row["type"] in ("message", "data")]
        rows = [row for row in rows if row["name"] not in without]
        found = theirs.get(ends, [])
        if len(rows) != len(found):
            out.append(f"{ends}: {len(found)} rows for {len(rows)}")
            continue
        for row, (name, fields) in zip(rows, found):
            out += differences(row, name, fields)
    return out


def differences(row: dict[str, Any], name: str, fields: list[tuple[str, Any, str]]) -> list[str]:
    """What tshark shows of one message or packet that is not what we have; every field is asked."""
    ours = row["name"].removesuffix(" (header)").removesuffix(" (packet-pair)")
    if ours != name:
        return [f"{ours} is shown as {name}"]
    protocol = fields[0][0].partition(".")[0] if fields else "mmsc"
    if ours == "Data":
        layout: Any = mms.DATA_PACKET
    else:
        layout = mms.BY_NAME.get(ours) or winmx.BY_NAME.get(ours)
        layout = mms.RESEND if ours == mms.RESEND.name else layout
    if layout is None:
        return []
    seen = defaultdict(list)
    for key, value, raw in fields:
        seen[key].append((value, raw))
    return [
        text
        for field in layout.fields
        if field.python_name in row["fields"]
        for text in unequal(protocol, layout, field, row["fields"][field.python_name], seen)
    ]


def unequal(
    protocol: str, layout: Any, field: Any, ours: Any, seen: dict[str, list[Any]], prefix: str = ""
) -> list[str]:
    """What is wrong with one field."""
    if field.struct is not None:
        items = ours if isinstance(ours, list) else [ours] if ours else []
        inner = f"{prefix}{field.python_name}."
        out = []
        for part in field.struct.fields:
            values = [item[part.python_name] for item in items]
            if part.struct is not None:
                for value in values:
                    out += unequal(protocol, field.struct, part, value, seen, inner)
                continue
            key = TABLES[protocol].name(field.struct, part, inner)
            wanted = [value for value in values if value is not None]
            theirs = [read(part, one) for one in seen[key]]
            if theirs != [expected(part, value, nested=True) for value in wanted]:
                out.append(f"{key}: {theirs} for {wanted}")
        return out
    key = TABLES[protocol].name(layout, field, prefix)
    theirs = [read(field, one) for one in seen[key]]
    if field.kind == "array":
        return [] if theirs == list(ours) else [f"{key}: {theirs} for {ours}"]
    if field.nul == "strings" and ours is not None:
        theirs = ["\0".join(theirs)]
    if ours is None or (ours == "" and not theirs):
        return [] if not theirs else [f"{key}: {theirs} for {ours}"]
    if not theirs and not ours and (field.optional or getattr(field, "when", "")):
        return []
    wanted = [expected(field, ours)]
    return [] if theirs == wanted else [f"{key}: {theirs} for {wanted}"]


def expected(field: Any, ours: Any, *, nested: bool = False) -> Any:
    """One of our values, as `read` has theirs."""
    if nested and field.kind == "ansi":
        return bytes.fromhex(ours).decode("latin-1")
    if field.kind == "f64":
        return struct.pack("<d", float(ours)).hex()
    return ours


def read(field: Any, one: tuple[Any, str]) -> Any:
    """A value of tshark: a number, text, hexadecimal digits, or a double as its bytes."""
    value, raw = one
    kind = family(field.kind)
    if kind == "integer":
        return int(value, 0)
    return raw if kind in ("bytes", "double") else value
