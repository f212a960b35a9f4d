"""What the TCP connection of a session went through, out of the columns of its flows."""

from __future__ import annotations

#: Bits of `flows["marks"]`; the last: this side ended the connection.
SYN, FIN, RST, CLOSED_FIRST = 1, 2, 4, 8
#: Columns of `cap.flows` that are looked at here.
TCP_COLUMNS = (
    "retransmissions", "out_of_order", "zero_windows", "handshake", "rtt_count", "rtt_min",
    "rtt_max", "rtt_sum",
)  # fmt: skip


def tcp_figures(flows: dict[str, list[int]], client: int, server: int) -> dict[str, int]:
    """Columns of `cap.sessions` about the TCP connection; times in ns, -1 = not known.

    Segments are counted both ways; windows of 0 are those of the client, who cannot take more.
    """
    mine = [flow for flow in (client, server) if flow >= 0]
    out = {
        "retransmissions": sum(flows["retransmissions"][flow] for flow in mine),
        "out_of_order": sum(flows["out_of_order"][flow] for flow in mine),
        "zero_windows": flows["zero_windows"][client] if client >= 0 else 0,
        "handshake": flows["handshake"][client] if client >= 0 else -1,
        "rtt_min": -1, "rtt_mean": -1, "rtt_max": -1,
    }  # fmt: skip
    known = [flow for flow in mine if flows["rtt_count"][flow]]
    if known:
        count = sum(flows["rtt_count"][flow] for flow in known)
        out["rtt_mean"] = sum(flows["rtt_sum"][flow] for flow in known) // count
        out["rtt_min"] = min(flows["rtt_min"][flow] for flow in known)
        out["rtt_max"] = max(flows["rtt_max"][flow] for flow in known)
    return out


def copies_of(flows: dict[str, list[int]], mine: list[int]) -> int:
    """How often the bytes of a connection were captured: 2 where a capture was replayed into it.

    Rounded down from nearly whole copies of all of its flows; lost segments that are sent again are
    far from it.
    """
    ratios = [
        flows["bytes"][flow] / flows["length"][flow] for flow in mine if flows["length"][flow]
    ]
    return max(int(min(ratios, default=1.0) + 0.05), 1)
