"""WinMX packets of a capture, or of a batch of one, as events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np

from mmscodec.cli.events import Event
from mmscodec.cli.fields import plain
from mmscodec.schema.fields import Field
from mmscodec.schema.winmx import BY_NAME, CACHE_NODE, NODE, Packet, packet_of, title
from mmscodec.schema.winmx.dtypes import ITEM_TABLES

WAYS = {"client": "C>S", "server": "S>C"}


def has_winmx(flows: Any) -> bool:
    """Whether any flow speaks WinMX."""
    return bool((flows["protocol"] == "winmx").any())


def shown(field: Field, value: Any) -> Any:
    """A value as plain Python; addresses, which stand in network order, as text."""
    value = plain(value)
    if field.kind == "ipv4" and isinstance(value, int):
        return ".".join(map(str, value.to_bytes(4, "big")))
    return value


def items_of(batch: Any, packet: Packet) -> dict[int, list[dict[str, Any]]]:
    """What repeats in packets of a kind, by row of the packet: nodes, files of a folder."""
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    if packet.items is None:
        return found
    name = packet.items.name
    if name in ITEM_TABLES:
        rows = batch[name]
        columns = {part.python_name: batch.column(name, part.name) for part in packet.items.fields}
    elif name in (NODE.name, CACHE_NODE.name):
        rows = batch.nodes
        columns = {part.python_name: rows[part.python_name] for part in packet.items.fields}
    else:
        return found
    for i, row in enumerate(rows["packet"].tolist()):
        found[row].append(
            {
                part.python_name: shown(part, columns[part.python_name][i])
                for part in packet.items.fields
            }
        )
    return found


def values_of(batch: Any) -> dict[int, tuple[Packet, dict[str, Any]]]:
    """Structure and values of each packet of a batch, by its row."""
    out = {}
    for name in batch.names:
        packet = BY_NAME.get(name)
        if packet is None or not packet.known:
            continue
        columns = {part.python_name: batch.column(name, part.name) for part in packet.fields}
        items = items_of(batch, packet)
        for i, row in enumerate(batch[name]["packet"].tolist()):
            values = {
                part.python_name: shown(part, columns[part.python_name][i])
                for part in packet.fields
            }
            if row in items:
                values[packet.fields[-1].python_name] = items[row]
            out[row] = packet, values
    return out


def winmx_events(capture: Any) -> Iterator[Event]:
    """Every WinMX packet of a capture, by time."""
    events = []
    first = 0
    for flow, batch in capture.winmx.batches:
        rows = capture.winmx.packets[first : first + len(batch.packets)]
        first += len(batch.packets)
        known = values_of(batch)
        for i, row in enumerate(rows):
            mid = int(row["type"])
            packet, values = known.get(i, (packet_of(batch.link, mid), {}))
            event = Event(
                "message",
                packet.name if packet is not None else title(batch.link, mid),
                int(row["time"]),
                flow,
                int(row["offset"]),
                int(row["length"]),
                packet,
                values,
                way=WAYS.get(batch.direction, "?"),
            )
            events.append(event)
    order = np.lexsort([[getattr(e, k) for e in events] for k in ("offset", "flow", "time")])
    return (events[i] for i in order.tolist())
