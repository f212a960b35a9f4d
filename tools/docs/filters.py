"""The page of all filters of the dissector for Wireshark, with our column beside each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from mmscodec.schema import mms, winmx
from mmscodec.schema.fields import Field, Struct
from mmscodec.tables import Table
from mmscodec.wireshark import mms as mms_lua
from mmscodec.wireshark import winmx as winmx_lua
from mmscodec.wireshark.fields import FieldTable
from tools.docs.markdown import cell, code, table

MMS = (mms.TCP_MESSAGE_HEADER, mms.DATA_PACKET, mms.RESEND, *mms.MESSAGES)
WINMX = tuple(item for item in (*winmx.HANDSHAKE, *winmx.PACKETS) if item.link != "legacy")
#: Filters that are of no field of the schema.
MORE = {
    "mmsc.name": "name of the message, packet or structure: `mid_name` of `messages`",
    "mmsc.fault": "an expert info: what `faults` has a row for",
    "mmsc.skipped": "an expert info: bytes that no packet covers",
    "winmx.name": "name of the packet: `type_name` of `winmx_packets`",
    "winmx.link": "kind of link that the connection is",
    "winmx.frame_type": "`type` of `winmx_packets`",
    "winmx.data_length": "`data_length` of `winmx_packets`",
    "winmx.data": "what could not be read of a packet, and greetings and key blocks",
    "winmx.fault": "an expert info: what `faults` has a row for",
}
_TABLES = {"TcpMessageHeader": "packets", "Data": "data"}
#: Columns that have another name, or are there when asked for.
_OTHER = {"mmsc.packet_size": "`length`", "mmsc.payload": "`payload`, when asked for,"}
_ENDINGS = ("", "_text", "_bytes", "_number")


class Use(NamedTuple):
    """A filter in one structure: the path of fields from it."""

    filter: str
    struct: Struct
    path: tuple[Field, ...]


def uses(fields: FieldTable, struct: Struct) -> Iterator[Use]:
    """The filters of a structure, with those of the structures in it."""
    pending: list[tuple[Struct, str, tuple[Field, ...]]] = [(struct, "", ())]
    while pending:
        inner, prefix, path = pending.pop(0)
        for field in inner.fields:
            here = (*path, field)
            if field.struct is not None:
                pending.append((field.struct, f"{prefix}{field.python_name}.", here))
                continue
            name = fields.name(inner, field, prefix)
            yield Use(name, struct, here)
            for bit in sorted(field.values) if field.flags else ():
                short = field.values[bit].rsplit("_", 1)[-1].lower()
                yield Use(f"{name}.{short}", struct, here)


def column(use: Use, tables: dict[str, Table]) -> tuple[str, str]:
    """The column that has a field, empty where none has, and a link to its table."""
    folder = "mms" if use.filter.startswith("mmsc.") else "winmx"
    struct, first, last = use.struct, use.path[0].python_name, use.path[-1].python_name
    link = f"[{struct.name}]({folder}/{struct.name}.md)"
    if len(use.path) > 1 and use.path[0].struct is not None:
        rows = use.path[0].struct.name
        if rows in tables and last in tables[rows].column_names:  # a table of its own
            return code(last), f"[{rows}](tables/{rows}.md)"
    made = tables.get(_TABLES.get(struct.name, struct.name))
    names = set() if made is None else set(made.column_names)
    if use.filter in _OTHER:
        return _OTHER[use.filter], link
    if len(use.path) > 1 and first in names:
        return f"{code(first)} ({code(last)} of each)", link
    wanted = [f"{use.path[-2].python_name}_{last}"] if len(use.path) > 1 else []
    wanted += [last + ending for ending in _ENDINGS]
    return next((code(name) for name in wanted if name in names), ""), link


def types(fields: FieldTable) -> dict[str, list[str]]:
    """Wireshark's type of each filter; more than one where structures differ."""
    found: dict[str, list[str]] = {}
    for line in fields.lines:
        kind, name = re.findall(r'"([^"]*)"', line)[:2]
        if kind not in found.setdefault(name, []):
            found[name].append(kind)
    return found


def rows(
    fields: FieldTable, structs: tuple[Struct, ...], tables: dict[str, Table]
) -> list[list[str]]:
    """A row for each filter: type, field, and the columns with their tables."""
    known = types(fields)
    found: dict[str, list[Use]] = {}
    for struct in structs:
        for use in uses(fields, struct):
            found.setdefault(use.filter, []).append(use)
    out = []
    for name, kinds in sorted(known.items()):
        if name in MORE:
            continue
        by_column: dict[str, list[str]] = {}
        for use in found[name]:
            one, link = column(use, tables)
            by_column.setdefault(one, []).append(link)
        here = "; ".join(
            f"{one or 'no column'} of {', '.join(dict.fromkeys(links))}"
            for one, links in by_column.items()
        )
        fields_ = dict.fromkeys(use.path[-1].name for use in found[name])
        out.append([code(name), cell(", ".join(kinds)), ", ".join(map(code, fields_)), here])
    return out


def page(tables: dict[str, Table]) -> str:
    """The page."""
    heads = ("filter", "type", "field", "column")
    more = [[code(name), text] for name, text in MORE.items()]
    return (
        "# Filters of the dissector\n\nEvery name that `mmscodec wireshark` gives "
        "[Wireshark](../wireshark.md), with its type, the field of the specification, and the "
        "column of our tables that has the same. What Wireshark's own dissector calls "
        "these: [coming from tshark](../coming-from-tshark.md#fields).\n\n"
        "## Names and damage\n\n" + table(("filter", "is"), more)
        + "\n## MMS\n\n" + table(heads, rows(mms_lua.tables()[0], MMS, tables))
        + "\n## WinMX\n\n" + table(heads, rows(winmx_lua.tables()[0], WINMX, tables))
    )  # fmt: skip
