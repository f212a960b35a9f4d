"""A page for each message of MMS and each packet of WinMX, with wire format and table."""

from __future__ import annotations

from collections.abc import Iterator

from mmscodec.schema import mms
from mmscodec.schema.fields import Message, Struct
from mmscodec.schema.winmx import HANDSHAKE, LINKS, PACKETS, Packet
from tools.docs.columns import columns
from tools.docs.fields import fields, inner, values_of
from tools.docs.markdown import cell, code, table
from tools.docs.sections import cited

WHO = {"C>S": "client to server", "S>C": "server to client", "": "both"}
FRAMING: tuple[Struct, ...] = (mms.TCP_MESSAGE_HEADER, mms.DATA_PACKET, mms.RESEND)
TABLES = {"TcpMessageHeader": "packets", "Data": "data"}


def body(struct: Struct, tables: dict) -> str:
    """Fields, inner structures, values, and the columns of the table."""
    parts = [f"## Fields\n\n{fields(struct)}"]
    for item in inner(struct):
        winmx = isinstance(struct, Packet)
        section = cited("winmx", item.section, "../..") if winmx else item.section
        parts.append(f"## {item.name}\n\nSection {section}.\n\n{fields(item)}")
    parts.append(values_of(struct))
    name = TABLES.get(struct.name, struct.name)
    if name in TABLES.values():
        parts.append(f"## Table\n\nRows of [`{name}`](../tables/{name}.md).\n")
    elif name in tables:
        parts.append(
            f'## Table\n\n`cap.table("{name}")`, in SQL `{name}`:\n\n{columns(tables[name])}'
        )
    return "\n".join(part for part in parts if part)


def mms_page(item: Struct, tables: dict) -> str:
    """The page of one structure of [MS-MMSP]."""
    lines = [f"# {item.name}", ""]
    if isinstance(item, Message):
        least = f", of which {item.min_size} must be there" * (item.min_size < item.fixed_size)
        lines += [
            f"MID `0x{item.mid:08X}`, {WHO[item.direction]}, section {item.section} of "
            f"\\[MS-MMSP]. Fixed part: {item.fixed_size} bytes{least}."
        ]
    else:
        lines += [f"Section {item.section} of \\[MS-MMSP]."]
    lines += ["", f"{cell(item.note)}\n" if item.note else "", body(item, tables)]
    return "\n".join(lines)


def mms_pages(tables: dict) -> Iterator[tuple[str, str]]:
    """Names and texts of all pages about MMS, their index first."""
    rows = [
        [f"[{m.name}](mms/{m.name}.md)", code(f"0x{m.mid:08X}"), WHO[m.direction], m.section,
         ", ".join(code(f.python_name) for f in m.fields[2:])]
        for m in mms.MESSAGES
    ]  # fmt: skip
    framing = ", ".join(f"[{item.name}](mms/{item.name}.md)" for item in FRAMING)
    yield (
        "mms",
        f"# Messages of MMS\n\nThe {len(mms.MESSAGES)} messages of \\[MS-MMSP], each with its "
        f"fields and with the columns of its table. What carries them: {framing}. How they are "
        "framed, and what real peers do: [MMS as implemented](../spec/mms.md).\n\n"
        + table(("message", "MID", "sent", "section", "fields"), rows),
    )  # fmt: skip
    for item in (*FRAMING, *mms.MESSAGES):
        yield f"mms/{item.name}", mms_page(item, tables)


def number(item: Packet) -> str:
    """The packet type, where there is one."""
    return f"0x{item.mid:04X}" if item.mid > 0 else ""


def winmx_page(item: Packet, tables: dict) -> str:
    """The page of one packet of WinMX."""
    kind = f"Type `{number(item)}`, " if number(item) else ""
    lines = [
        f"# {item.name}", "",
        f"{cell(item.title[:1].upper() + item.title[1:])}. {kind}{item.link} link, {item.roles}, "
        f"section {cited('winmx', item.section, '../..')}.", "",
    ]  # fmt: skip
    lines += [f"{cell(item.note)}\n"] if item.note else []
    lines += [] if item.known else ["Only the name is known.\n"]
    lines += [body(item, tables)]
    return "\n".join(lines)


def winmx_pages(tables: dict) -> Iterator[tuple[str, str]]:
    """Names and texts of all pages about WinMX, their index first."""
    items = (*HANDSHAKE, *PACKETS)
    parts = []
    for link in LINKS:
        rows = [
            [f"[{p.name}](winmx/{p.name}.md)", code(number(p)), cell(p.title), cell(p.roles),
             cited("winmx", p.section)]
            for p in sorted(items, key=lambda p: p.mid) if p.link == link
        ]  # fmt: skip
        heads = ("packet", "type", "is", "sent", "section")
        parts.append(f"## {link} link\n\n{table(heads, rows)}")
    yield (
        "winmx",
        f"# Packets of WinMX\n\nThe {len(items)} packets by the kind of link that they are seen "
        "on. Links, ciphers and framing: [WinMX as implemented](../spec/winmx.md).\n\n"
        + "\n".join(parts),
    )  # fmt: skip
    for item in items:
        yield f"winmx/{item.name}", winmx_page(item, tables)
