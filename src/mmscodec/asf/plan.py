"""In which order the packets of a file stand, and which are missing."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mmscodec.errors import LimitError
from mmscodec.schema.dtypes import table

#: Rows for `PacketWriter`: where a payload lies in its flow, its bytes, which flow.
PLAN = table(16, offset=("i8", 0), length=("u4", 8), source=("u4", 12))
FILLER = 0xFFFFFFFF


@dataclass(slots=True)
class Plan:
    """The packets of one ASF file in order.

    Attributes
    ----------
    rows : numpy.ndarray
        `PLAN`.
    locations : numpy.ndarray
        LocationId of each row (int64).
    missing : numpy.ndarray
        Shape (n, 2), int64: first LocationId and number of packets of each hole.
    copies : numpy.ndarray
        Shape (n, 2), int64: packets that were left out because another one has their LocationId,
        and that one, as positions in the arguments. Whether their bytes are the same is for the
        caller to see.
    too_long, empty : int
        Data packets that were left out.
    in_order_of_arrival : bool
        LocationIds repeat so much that they cannot be places in a file, or begin again.
    """

    rows: np.ndarray
    locations: np.ndarray
    missing: np.ndarray = field(default_factory=lambda: np.empty((0, 2), np.int64))
    copies: np.ndarray = field(default_factory=lambda: np.empty((0, 2), np.int64))
    too_long: int = 0
    empty: int = 0
    in_order_of_arrival: bool = False

    @property
    def missing_packets(self) -> int:
        """Packets in all holes together."""
        return int(self.missing[:, 1].sum())

    def append(self, other: Plan) -> None:
        """Put the packets of another plan behind these."""
        for name in ("rows", "locations", "missing", "copies"):
            setattr(self, name, np.concatenate([getattr(self, name), getattr(other, name)]))
        self.too_long += other.too_long
        self.empty += other.empty


def plan_packets(
    location_id: np.ndarray,
    offset: np.ndarray,
    length: np.ndarray,
    source: np.ndarray,
    *,
    packet_size: int,
    base: int | None = 0,
    max_fill: int | None = None,
    epoch: np.ndarray | None = None,
) -> Plan:
    """Put the packets of a file in order.

    Parameters
    ----------
    location_id, offset, length, source : numpy.ndarray
        Of each Data packet in order of arrival: LocationId, where its payload begins in its flow,
        bytes of payload, and the number of the flow.
    packet_size : int
        Longer payloads are left out.
    base : int or None
        LocationId of the first packet of the file; None = the lowest there is.
    max_fill : int, optional
        Put a filler in the place of each missing packet, at most so many bytes of them.
    epoch : numpy.ndarray, optional
        Of each packet; where it rises, LocationIds begin again. Packets of one epoch stand in front
        of those of the next, and only within an epoch are packets missing.

    Raises
    ------
    LimitError
        More than `max_fill` bytes are missing.
    """
    if epoch is not None and len(epoch) and (epoch != epoch[0]).any():
        plan = Plan(np.empty(0, PLAN), np.empty(0, np.int64), in_order_of_arrival=True)
        for number in np.unique(epoch).tolist():
            mine = np.flatnonzero(epoch == number)
            left = None if max_fill is None else max_fill - plan.missing_packets * packet_size
            part = plan_packets(
                location_id[mine], offset[mine], length[mine], source[mine],
                packet_size=packet_size, base=None, max_fill=left,
            )  # fmt: skip
            part.copies = mine[part.copies]
            plan.append(part)
        return plan
    length = length.astype(np.int64)
    good = (length > 0) & (length <= packet_size)
    too_long, empty = int((length > packet_size).sum()), int((length <= 0).sum())
    kept = np.flatnonzero(good)
    places = location_id[kept].astype(np.int64)
    if (places[1:] > places[:-1]).all():
        unique, first = places, np.arange(len(places))
    else:
        unique, first = np.unique(places, return_index=True)
    arrival = len(unique) * 2 < len(kept)
    plan = Plan(np.empty(0, PLAN), places, too_long=too_long, empty=empty)
    if arrival:
        plan.in_order_of_arrival = True
        chosen = kept
    else:
        chosen = kept[first]
        plan.locations = unique
        copy = np.ones(len(kept), bool)
        copy[first] = False
        here = np.searchsorted(unique, places[copy])
        plan.copies = np.stack([kept[copy], kept[first][here]], axis=1)
    rows = np.empty(len(chosen), PLAN)
    rows["offset"], rows["length"] = offset[chosen], length[chosen]
    rows["source"] = source[chosen]
    plan.rows = rows
    if arrival or not len(unique):
        return plan
    start = int(unique[0]) if base is None else min(base, int(unique[0]))
    steps = np.diff(unique, prepend=start - 1)
    holes = np.flatnonzero(steps > 1)
    plan.missing = np.stack([unique[holes] - steps[holes] + 1, steps[holes] - 1], axis=1)
    if max_fill is not None and len(holes):
        _fill(plan, start, packet_size, max_fill)
    return plan


def _fill(plan: Plan, start: int, packet_size: int, max_fill: int) -> None:
    needed = plan.missing_packets * packet_size
    if needed > max_fill:
        raise LimitError(
            f"fillers for {plan.missing_packets} missing packets take {needed} bytes, "
            f"more than max_fill = {max_fill}",
            need=needed, have=max_fill,
        )  # fmt: skip
    total = int(plan.locations[-1]) - start + 1
    rows = np.zeros(total, PLAN)
    rows["source"] = FILLER
    rows[plan.locations - start] = plan.rows
    plan.rows = rows
    plan.locations = np.arange(start, start + total)
