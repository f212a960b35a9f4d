"""MMS in Lua: fields, structures, framing."""

from __future__ import annotations

from mmscodec.schema import mms
from mmscodec.wireshark.fields import FieldTable
from mmscodec.wireshark.structures import structure

PROTOCOL = "mmsc"


def tables() -> tuple[FieldTable, list[str]]:
    """The table of fields and the lines that define the structures."""
    structs = (*mms.MESSAGES, mms.TCP_MESSAGE_HEADER, mms.DATA_PACKET, mms.RESEND)
    table = FieldTable(PROTOCOL, structs)
    lines = [f"M[{item.mid}]={structure(table, item)}" for item in mms.MESSAGES]
    for name, struct in (
        ("HEADER", mms.TCP_MESSAGE_HEADER), ("DATA", mms.DATA_PACKET), ("RESEND", mms.RESEND),
    ):  # fmt: skip
        lines.append(f"local {name}={structure(table, struct)}")
    return table, lines
