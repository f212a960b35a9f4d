"""WinMX of a whole capture: the bytes of all connections in one buffer, deciphered together."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmscodec.capture import _extents, dtypes
from mmscodec.capture.winmx import Part, WinmxTables, datagrams_of
from mmscodec.schema.vocabulary import Direction, Protocol, Transport
from mmscodec.winmx.connections import Half, decode_halves
from mmscodec.winmx.groups import Streams, decode_groups


def whole(capture: Any) -> WinmxTables:
    """Tables of a whole capture, whose connections are deciphered side by side."""
    raw = capture._raw_flows
    stamps = capture._blocks["stamps"].array(dtypes.STAMPS)
    flows = _pairs_of(raw)
    streams = _streams(capture, flows)
    keyed, groups = decode_groups(streams)
    parts = [
        Part(flows[group.which], group.batch, streams.starts[group.which], group=(streams, group))
        for group in map(_captured(flows), groups) if len(group.which)
    ]  # fmt: skip
    links = dict.fromkeys(flows[flows >= 0].tolist(), "")
    for part in parts:
        links.update(dict.fromkeys(part.flows.tolist(), part.batch.link))
    others = np.flatnonzero(~keyed)
    halves = [(_half(streams, 2 * pair), _half(streams, 2 * pair + 1)) for pair in others.tolist()]
    for pair, found in zip(others.tolist(), decode_halves(halves)):
        link = found.recognition.link if found.recognition is not None else ""
        for flow, batch in zip(flows[2 * pair :].tolist(), (found.client, found.server)):
            if flow >= 0:
                links[flow] = link
                parts.append(Part.of(flow, batch))
    udp = (raw["protocol"] == Protocol.WINMX) & (raw["transport"] == Transport.UDP)
    for flow in np.flatnonzero(udp).tolist():
        links[flow] = "udp"
        parts.append(datagrams_of(capture, flow))
    return WinmxTables(parts, links, stamps, raw, live=capture._live)


def _captured(flows: np.ndarray) -> Any:
    # a group without the directions that were not captured: nothing can be unread of those
    return lambda group: group._replace(which=group.which[flows[group.which] >= 0])


def _half(streams: Streams, stream: int) -> Half:
    start, size = int(streams.starts[stream]), int(streams.lengths[stream])
    data = streams.data[start : start + size].data
    return Half(data, int(streams.totals[stream]), int(streams.missing[stream]))


def _pairs_of(raw: np.ndarray) -> np.ndarray:
    """Client's and server's row of each WinMX connection in turn, -1 = it was not captured.

    Who is the client was told by the handshake when the connection was recognised.
    """
    wanted = (raw["protocol"] == Protocol.WINMX) & (raw["transport"] == Transport.TCP)
    rows = np.flatnonzero(wanted)
    peers = raw["peer"][rows].astype(np.int64)
    first = (peers < 0) | (peers >= rows)  # once a connection
    rows, peers = rows[first], peers[first]
    served = raw["direction"][rows] == Direction.TO_CLIENT
    out = np.stack([np.where(served, peers, rows), np.where(served, rows, peers)], 1)
    return out.reshape(-1)


def _streams(capture: Any, flows: np.ndarray) -> Streams:
    """The bytes of flows up to the first that is missing, in a buffer of their own."""
    raw = capture._raw_flows
    totals = np.append(raw["length"].astype("i8"), 0)  # -1 is the last: a flow without bytes
    known, missing = totals.copy(), np.zeros(len(totals), np.int64)
    gaps = capture.gaps
    inside = gaps["flow"] >= 0
    np.minimum.at(known, gaps["flow"][inside], gaps["offset"][inside])
    np.add.at(missing, gaps["flow"][inside], gaps["length"][inside])
    lengths = known[flows]
    starts = np.cumsum(lengths) - lengths
    there = flows >= 0
    lasts = np.zeros(len(flows), np.uint32)
    lasts[there] = raw["extent"][flows[there]]
    block, bounds = _extents.collect_all(capture._blocks["extents"], lasts)
    rows = block.array(dtypes.EXTENTS).copy()
    owner = np.repeat(np.arange(len(flows)), np.diff(bounds))
    rows["length"] = np.clip(lengths[owner] - rows["offset"], 0, rows["length"])
    rows["offset"] += starts[owner]
    data = capture._gather(rows, 0, int(lengths.sum()))
    return Streams(data, starts, lengths, totals[flows], missing[flows])
