"""WinMX in Lua: fields, structures of every packet by link, tables of the ciphers."""

from __future__ import annotations

from mmscodec.schema import winmx
from mmscodec.schema.vocabulary import S2C
from mmscodec.winmx import _cipher
from mmscodec.wireshark.fields import FieldTable
from mmscodec.wireshark.structures import structure

PROTOCOL = "winmx"


def tables() -> tuple[FieldTable, list[str]]:
    """The table of fields and the lines that define the structures.

    A packet stands in W[link][type], one that only servers send under that type in
    W[link .. ">"][type].
    """
    inner = [item.items for item in winmx.PACKETS if item.items is not None]
    table = FieldTable(PROTOCOL, (*winmx.PACKETS, *winmx.HANDSHAKE, *inner))
    lines = []
    for link in winmx.LINKS:
        if not link or link == "legacy":
            continue
        common = winmx.types_of(link) if link in winmx.TYPES else {}
        served = winmx.types_of(link, S2C) if link in winmx.TYPES else {}
        for key, packets in ((link, common), (link + ">", served)):
            rows = {
                mid: structure(table, item)
                for mid, item in sorted(packets.items())
                if key == link or common.get(mid) is not item
            }
            words = ",\n".join(f"[{mid}]={text}" for mid, text in rows.items())
            lines.append(f'W["{key}"]={{{words}}}')
    more = (
        table.more("string", "link", "Link"),
        table.more("uint16", "frame_type", "Type", "HEX"),
        table.more("uint16", "data_length", "Length", "DEC"),
        table.more("bytes", "data", "Data"),
    )
    lines.append("local LINK,TYPE,LENGTH,REST=" + ",".join(map(str, more)))
    lines += [f"W.key={structure(table, winmx.HANDSHAKE[-1])}"]
    return table, lines


def ciphers() -> str:
    """The substitution tables as hexadecimal text, in the order that lua/cipher.lua reads."""
    return _cipher.tables().hex()
