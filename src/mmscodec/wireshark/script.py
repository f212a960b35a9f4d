"""The parts of the dissector put together."""

from __future__ import annotations

from importlib import resources

from mmscodec.wireshark import mms, winmx
from mmscodec.wireshark.fields import FieldTable


def dissector() -> str:
    """The dissector as Lua, for a file in Wireshark's folder of plugins or ``-X lua_script:``.

    Returns
    -------
    str
        ASCII. Registers the protocols `mmsc` and `winmx`; filters are their fields' names in this
        package, as ``mmsc.play_incarnation``. See docs/wireshark.md.
    """
    fields, messages = mms.tables()
    more, packets = winmx.tables()
    return "\n".join(
        [
            "-- MMS and WinMX for Wireshark, written by mmscodec from its schema",
            _part("common"),
            _declared("mms_proto", fields),
            "local M = {}",
            *messages,
            _part("mms"),
            f'local TABLES = "{winmx.ciphers()}"',
            _part("cipher"),
            _declared("winmx_proto", more),
            "local W = {}",
            *packets,
            _part("winmx"),
        ]
    )


def _part(name: str) -> str:
    return resources.files("mmscodec.wireshark").joinpath(f"lua/{name}.lua").read_text("ascii")


def _declared(proto: str, table: FieldTable) -> str:
    name = "Microsoft Media Server (mmscodec)" if proto == "mms_proto" else "WinMX Peer Network"
    rows = ",\n".join(table.lines)
    return f'local {proto} = Proto("{table.protocol}", "{name}")\ndeclare({proto}, {{\n{rows}}})'
