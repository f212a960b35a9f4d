"""WinMX packets of a capture, or of a batch of one, as events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np

from mmscodec.cli.choice import Choice
from mmscodec.schema.fields import Field
from mmscodec.schema.winmx import BY_NAME, CACHE_NODE, NODE, Packet, packet_of, title
from mmscodec.schema.winmx.dtypes import ITEM_TABLES
from tests.oracle.text_events import Event
from tests.oracle.text_fields import plain


def has_winmx(flows: Any) -> bool:
    """Whether any flow speaks WinMX."""
    return bool((flows["protocol"] == "winmx").any())


def shown(field: Field, value: Any, charset: str | None) -> Any:
    """A value as plain Python; addresses, which stand in network order, and strings as text."""
    value = plain(value)
    if isinstance(value, bytes) and field.kind in ("cstr", "ansi", "quoted"):
        return value.decode(charset or "latin-1", "backslashreplace")
    if field.kind == "ipv4" and isinstance(value, int):
        return ".".join(map(str, value.to_bytes(4, "big")))
    return value


def is_there(part: Field, row: Any) -> bool:
    """Whether a packet has a field: by its flag, or by the field that says so."""
    if part.optional:
        return bool(row["has_" + part.name])
    decides = getattr(part, "when", "")
    if not decides:
        return True
    value = int(row[decides])
    return value not in (0, part.equals) if part.otherwise else value == part.equals


def _items_of(batch: Any, packet: Packet, charset: str | None) -> dict[int, list[dict[str, Any]]]:
    """What repeats in packets of a kind, by row of the packet: nodes, files of a folder."""
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    if packet.items is None:
        return found
    name = packet.items.name
    if name in ITEM_TABLES:
        rows = batch[name]
        columns = {
            part.python_name: batch.column(name, part.name, None) for part in packet.items.fields
        }
    elif name in (NODE.name, CACHE_NODE.name):
        rows = batch.nodes
        columns = {part.python_name: rows[part.python_name] for part in packet.items.fields}
    else:
        return found
    for i, row in enumerate(rows["packet"].tolist()):
        found[row].append(
            {
                part.python_name: shown(part, columns[part.python_name][i], charset)
                if is_there(part, rows[i])
                else None
                for part in packet.items.fields
            }
        )
    return found


def values_of(batch: Any, charset: str | None) -> dict[int, tuple[Packet, dict[str, Any]]]:
    """Structure and values of each packet of a batch, by its row."""
    out = {}
    for name in batch.names:
        packet = BY_NAME.get(name)
        if packet is None or not packet.known:
            continue
        columns = {part.python_name: batch.column(name, part.name, None) for part in packet.fields}
        items = _items_of(batch, packet, charset)
        for i, row in enumerate(batch[name]["packet"].tolist()):
            values = {
                part.python_name: shown(part, columns[part.python_name][i], charset)
                if is_there(part, batch[name][i])
                else None
                for part in packet.fields
            }
            if row in items:
                values[packet.fields[-1].python_name] = items[row]
            out[row] = packet, values
    return out


def winmx_events(
    capture: Any, wanted: Choice | None = None, charset: str | None = None
) -> Iterator[Event]:
    """Every WinMX packet of a capture that is wanted, by time."""
    wanted = wanted or Choice()
    wanted.begin(capture.winmx.packets["time"])
    events = []
    first = 0
    for flow, batch in capture.winmx.batches:
        rows = capture.winmx.packets[first : first + len(batch.packets)]
        first += len(batch.packets)
        known = values_of(batch, charset)
        for i in wanted.keep(rows).nonzero()[0].tolist():
            row = rows[i]
            mid = int(row["type"])
            packet, values = known.get(i, (packet_of(batch.link, mid, batch.direction), {}))
            event = Event(
                "message",
                packet.name if packet is not None else title(batch.link, mid, batch.direction),
                int(row["time"]),
                flow,
                int(row["offset"]),
                int(row["length"]),
                packet,
                values,
                direction=batch.direction,
            )
            events.append(event)
    order = np.lexsort([[getattr(e, k) for e in events] for k in ("offset", "flow", "time")])
    return (events[i] for i in order.tolist())
