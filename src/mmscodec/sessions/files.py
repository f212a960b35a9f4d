"""Where one file ends and the next begins in a stream of Data packets, by the packets alone."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from mmscodec.asf.send_time import send_time

MEDIA, HEADER = 0, 1
#: AFFlags of header fragments.
_FRAGMENT_FLAGS = (0x00, 0x04, 0x08, 0x0C)
LOOKED_AT = 8  # payloads of packets that nobody asked for

Payload = Callable[[int], Any]
Part = tuple[np.ndarray, np.ndarray]


def files(
    rows: np.ndarray, step: np.ndarray, data: np.ndarray, payload: Payload
) -> list[tuple[Part, bool]]:
    """Cut `rows` (and `step` with them) where a header behind media begins another file.

    Another header does. The same header again does if the packets behind it are not those before
    it: their numbers begin again, and equal numbers have other bytes. With each part, whether it
    begins with such a header.
    """
    heads = np.flatnonzero((data["kind"][rows] == HEADER) & (data["location_id"][rows] == 0))
    media = np.flatnonzero(data["kind"][rows] == MEDIA)
    cuts: list[int] = []
    if len(heads) > 1 and len(media):
        last = bytes(payload(int(rows[heads[0]])))
        begun = 0
        behind = heads[heads > media[0]].tolist()
        for head, end in pairwise([*behind, len(rows)]):
            now = bytes(payload(int(rows[head])))
            if head > heads[0] and (
                now != last or _others(rows[begun:head], rows[head:end], data, payload)
            ):
                cuts.append(head)
                begun = head
            last = now
    bounds = [0, *cuts, len(rows)]
    return [
        ((rows[low:high], step[low:high]), number > 0)
        for number, (low, high) in enumerate(pairwise(bounds))
    ]


def _others(before: np.ndarray, after: np.ndarray, data: np.ndarray, payload: Payload) -> bool:
    # do media packets with equal numbers differ?
    known, again = _by_place(before, data), _by_place(after, data)
    return any(
        bytes(payload(known[place])) != bytes(payload(row))
        for place, row in again.items()
        if place in known
    )


def _by_place(rows: np.ndarray, data: np.ndarray) -> dict[int, int]:
    rows = rows[data["kind"][rows] == MEDIA]
    return dict(zip(data["location_id"][rows].tolist(), rows.tolist()))


def header_of_no_request(part: np.ndarray, data: np.ndarray, payload: Payload) -> bool:
    """Whether packets of a tag that no captured message names are fragments of a header.

    So they are where a capture begins in the midst of a header: its first fragment, which bears the
    GUID, is missing. Their flags are those of fragments and do not count, and what they carry are
    no ASF data packets.
    """
    if not len(part) or not np.isin(data["af_flags"][part], _FRAGMENT_FLAGS).all():
        return False
    if (np.diff(data["location_id"][part].astype(np.int64)) < 0).any():
        return False
    return all(send_time(payload(int(row))) < 0 for row in part[:LOOKED_AT])
