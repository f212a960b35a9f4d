"""Half connections that differ only in their scope (VLAN, tunnel key)."""

from __future__ import annotations

from typing import Any

import numpy as np


def half_connections(flows: Any) -> np.ndarray:
    """Pairs of flows that would be one connection if scopes were ignored.

    Parameters
    ----------
    flows : numpy.ndarray
        Rows of `Capture.flows`.

    Returns
    -------
    numpy.ndarray
        Shape (n, 2), int64: numbers of the flows, each without a peer, with each other's ends and
        another scope. A capture whose handshake is there has none: it is paired by that.
    """
    alone: dict[tuple[str, int, str, int, str], list[tuple[int, int]]] = {}
    pairs = []
    names = ("src", "src_port", "dst", "dst_port", "transport", "flow", "scope")
    rows = flows[flows["peer"] < 0]
    for src, src_port, dst, dst_port, transport, flow, scope in zip(
        *(rows[name].tolist() for name in names)
    ):
        for other, other_scope in alone.get((dst, dst_port, src, src_port, transport), ()):
            if other_scope != scope:
                pairs.append((other, flow))
                break
        alone.setdefault((src, src_port, dst, dst_port, transport), [])[8:] = []
        alone[src, src_port, dst, dst_port, transport].append((flow, scope))
    return np.array(pairs, np.int64).reshape(-1, 2)
