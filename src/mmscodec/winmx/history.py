"""The history of every node: what each sender said of it, and when."""

from __future__ import annotations

import numpy as np

from mmscodec.winmx.nodes import along_packets, ip_numbers, node_keys

VALUES = ("free_primary_slots", "free_secondary_slots", "x")

_COLUMNS = [
    ("ip", "<u4"), ("udp_port", "<u2"), ("tcp_port", "<u2"), ("first", "<i8"), ("last", "<i8"),
    ("count", "<i8"),
    *((f"{name}_{which}", "u1") for name in VALUES for which in ("first", "last", "min", "max")),
]  # fmt: skip


def node_history(
    nodes: np.ndarray, sender: object = None, time: object = None
) -> np.ndarray:  # fmt: skip
    """What was said of each node, for each sender.

    Parameters
    ----------
    nodes : numpy.ndarray
        Records or rows of `nodes`, of any shape. A node is an address with both its ports.
    sender : array_like, optional
        Who sent each record or each packet, as `time` of `unique_nodes`: addresses, numbers or
        text. Default: all came from one sender.
    time : array_like of int, optional
        As in `unique_nodes`.

    Returns
    -------
    numpy.ndarray
        ip <u4, udp_port <u2, tcp_port <u2, first, last, count <i8 (when it was first and last
        named, and how often), then of free_primary_slots, free_secondary_slots and x each `_first`,
        `_last`, `_min` and `_max` (u1), and sender (of the dtype given; only if it was given).
        One row a node and sender, in the order in which they were first seen.

    Examples
    --------
    >>> import numpy as np
    >>> from mmscodec import winmx
    >>> lists = np.zeros((2, 1), winmx.RECORD_DTYPE)
    >>> lists["free_secondary_slots"] = [[90], [80]]
    >>> row = winmx.node_history(lists, sender=[7, 7], time=[100, 200])[0]
    >>> [int(row[name]) for name in ("first", "last", "free_secondary_slots_min", "sender")]
    [100, 200, 80, 7]
    """
    if time is None:
        names = nodes.dtype.names or ()
        time = nodes["time"] if "time" in names else np.arange(nodes.size).reshape(nodes.shape)
    when = along_packets(time, nodes).reshape(-1).astype(np.int64)
    by = np.zeros(nodes.size, np.int64)
    known = None
    if sender is not None:
        given = along_packets(sender, nodes, "sender").reshape(-1)
        known, by = np.unique(given, return_inverse=True)
    key = node_keys(nodes).reshape(-1)
    order = np.lexsort((when, by, key))
    columns = list(_COLUMNS) if known is None else [*_COLUMNS, ("sender", known.dtype)]
    starts = np.flatnonzero(new_group(key[order], by[order]))
    ends = np.append(starts[1:], len(order))
    out = np.zeros(len(starts), columns)
    if len(starts) == 0:
        return out
    first, last = order[starts], order[ends - 1]
    flat = nodes.reshape(-1)
    out["ip"] = ip_numbers(flat)[first]
    for name in ("udp_port", "tcp_port"):
        out[name] = flat[name][first]
    out["first"], out["last"], out["count"] = when[first], when[last], ends - starts
    for name in VALUES:
        values = flat[name]
        out[f"{name}_first"], out[f"{name}_last"] = values[first], values[last]
        out[f"{name}_min"] = np.minimum.reduceat(values[order], starts)
        out[f"{name}_max"] = np.maximum.reduceat(values[order], starts)
    if known is not None:
        out["sender"] = known[by[first]]
    return out[np.argsort(out["first"], kind="stable")]


def new_group(*columns: np.ndarray) -> np.ndarray:
    """Where a row of sorted columns differs from the one before it."""
    new = np.ones(len(columns[0]), bool)
    if len(new):
        new[1:] = np.stack([column[1:] != column[:-1] for column in columns]).any(axis=0)
    return new
