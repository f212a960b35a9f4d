"""What the TCP connection of a session went through, out of the columns of its flows."""

from __future__ import annotations

from typing import Any

import numpy as np


def tcp_figures(flows: np.ndarray, client: int, server: int) -> dict[str, int]:
    """Columns of `cap.sessions` about the TCP connection; times in ns, -1 = not known.

    Segments are counted both ways; windows of 0 are those of the client, who cannot take more.
    """
    mine = [flow for flow in (client, server) if flow >= 0]
    out: dict[str, Any] = {
        "retransmissions": int(flows["retransmissions"][mine].sum()),
        "out_of_order": int(flows["out_of_order"][mine].sum()),
        "zero_windows": int(flows["zero_windows"][client]) if client >= 0 else 0,
        "handshake": int(flows["handshake"][client]) if client >= 0 else -1,
        "rtt_min": -1, "rtt_mean": -1, "rtt_max": -1,
    }  # fmt: skip
    counts = flows["rtt_count"][mine].astype(np.int64)
    if counts.sum():
        out["rtt_mean"] = int(flows["rtt_sum"][mine].sum()) // int(counts.sum())
        known = [flow for flow, count in zip(mine, counts.tolist()) if count]
        out["rtt_min"] = int(flows["rtt_min"][known].min())
        out["rtt_max"] = int(flows["rtt_max"][known].max())
    return out
