"""Data packets that a viewer did not wait for: the connection ends inside of them."""

from __future__ import annotations

import numpy as np

from mmscodec.schema.faults import FAULT_FIELDS, FaultCode

FIN, RST = 2, 4
_PACKET_SIZE = next(number for number, name in FAULT_FIELDS.items() if name == "PacketSize")


def left_inside(faults: np.ndarray, flows: np.ndarray) -> np.ndarray:
    """Which faults are no damage: the last Data packet of a connection that its client closed.

    Parameters
    ----------
    faults, flows : numpy.ndarray
        Tables of a capture or a batch; `flows` in ascending order of its column `flow`.

    Returns
    -------
    numpy.ndarray
        bool, one per row of `faults`: all bytes up to the end of the flow are there and belong to
        one Data packet, and the other side has sent FIN or RST.
    """
    out = np.zeros(len(faults), bool)
    cut = np.flatnonzero(
        (faults["code"] == FaultCode.TRUNCATED) & (faults["field"] == _PACKET_SIZE)
        & (faults["flow"] >= 0)
    )  # fmt: skip
    if not len(cut) or not len(flows):
        return out
    row = _rows(flows["flow"], faults["flow"][cut])
    peer = _rows(flows["flow"], np.where(row >= 0, flows["peer"][row], -1))
    end = faults["offset"][cut] + faults["length"][cut]
    known = (row >= 0) & (peer >= 0)
    last = end >= flows["length"][row].astype(np.int64)
    closed = (flows["marks"][peer] & (FIN | RST)) != 0
    out[cut] = known & last & closed
    return out


def _rows(known: np.ndarray, flows: np.ndarray) -> np.ndarray:
    rows = np.minimum(np.searchsorted(known, flows), len(known) - 1)
    return np.where(known[rows] == flows, rows, -1)
