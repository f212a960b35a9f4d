"""Flows in words: who speaks to whom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmscodec.lines.fields import plain
from mmscodec.schema.vocabulary import PROTOCOLS, TRANSPORTS


def address(value: Any) -> str:
    """The text of an address of a flow, or of 4 or 16 bytes; IPv4 in IPv6 as IPv4."""
    value = plain(value)
    if isinstance(value, str):
        return value  # as the table has it
    if isinstance(value, list):
        value = bytes(value)
    if isinstance(value, bytes) and len(value) not in (4, 16):
        value = value.ljust(16, b"\0")  # an `S` column drops zeros at the end
    from ipaddress import ip_address

    found = ip_address(value)
    mapped = getattr(found, "ipv4_mapped", None)
    return str(mapped or found)


def endpoint(flow: Any, side: str) -> str:
    """`address:port` of one side, `src` or `dst`, of a row of `cap.flows`."""
    host = address(flow[side])
    port = int(flow[f"{side}_port"])
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def word(value: Any, names: Mapping[int, str]) -> str:
    """A column that holds a name, or a number that stands for one."""
    value = plain(value)
    if isinstance(value, bytes):
        return value.rstrip(b"\0").decode("latin-1")
    return value if isinstance(value, str) else names.get(value, str(value))


def transport(flow: Any) -> str:
    """`tcp` or `udp`."""
    return word(flow["transport"], TRANSPORTS)


def protocol(flow: Any) -> str:
    """`mms`, `winmx` or nothing."""
    return word(flow["protocol"], PROTOCOLS)
