"""Columns of `cap.sessions` that come from the two flows of a TCP connection alone."""

from __future__ import annotations

from typing import Any

import numpy as np

_LATEST = np.iinfo(np.int64).max


class Pairs:
    """Columns of `cap.flows` for the flows of clients and servers.

    Parameters
    ----------
    flows : numpy.ndarray
    pairs : numpy.ndarray
        Shape (n, 2): rows of `flows`, -1 = not captured; one of them is there.
    """

    def __init__(self, flows: np.ndarray, pairs: np.ndarray) -> None:
        self.flows, self.pairs = flows, pairs
        self.there = pairs >= 0
        self.safe = np.maximum(pairs, 0)

    def of(self, column: str | np.ndarray, default: int = 0) -> np.ndarray:
        """A column of both, int64, `default` where a flow was not captured."""
        values = self.flows[column] if isinstance(column, str) else column
        if not len(values):
            return np.full(self.pairs.shape, default, np.int64)
        return np.where(self.there, values[self.safe].astype(np.int64), default)

    def columns(self, wrong: dict[str, Any], unread: np.ndarray) -> dict[str, Any]:
        """Columns of the table; `wrong` = counts by flow or None, `unread` = bytes by flow."""
        out: dict[str, Any] = {
            "client_flow": self.pairs[:, 0], "server_flow": self.pairs[:, 1],
            "start": self.of("first_time", _LATEST).min(axis=1),
            "end": self.of("last_time", -1).max(axis=1),
            "unread": self.of(unread).sum(axis=1), "copies": self._copies(),
            "zero_windows": self.of("zero_windows")[:, 0],
            "handshake": self.of("handshake", -1)[:, 0],
        }  # fmt: skip
        for name in ("gaps", "retransmissions", "out_of_order"):
            out[name] = self.of(name).sum(axis=1)
        for name, counts in wrong.items():
            out[name] = -1 if counts is None else self.of(counts).sum(axis=1)
        return {**out, **self._round_trips()}

    def _round_trips(self) -> dict[str, np.ndarray]:
        counts = self.of("rtt_count")
        some = counts > 0
        count, total = counts.sum(axis=1), np.where(some, self.of("rtt_sum"), 0).sum(axis=1)
        known = count > 0
        low = np.where(some, self.of("rtt_min"), _LATEST).min(axis=1)
        high = np.where(some, self.of("rtt_max"), -1).max(axis=1)
        mean = total // np.maximum(count, 1)
        found = {"rtt_min": low, "rtt_mean": mean, "rtt_max": high}
        return {name: np.where(known, values, -1) for name, values in found.items()}

    def _copies(self) -> np.ndarray:
        # as `network.copies_of`
        lengths = self.of("length")
        ratios = self.of("bytes") / np.maximum(lengths, 1)
        least = np.where(lengths > 0, ratios, np.inf).min(axis=1)
        least = np.where(np.isfinite(least), least, 1.0)
        return np.maximum((least + 0.05).astype(np.int64), 1)
