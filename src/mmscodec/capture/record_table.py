"""All records of a capture as one table, without a look at what is in them."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmscodec.capture._merge import Merge
from mmscodec.capture.source import open_sources
from mmscodec.frozen import Frozen
from mmscodec.schema.dtypes import FAULTS


class Records(Frozen):
    """Records of a capture.

    Attributes
    ----------
    rows : array of `dtypes.RECORDS`
        time (ns since 1970), position (of the frame in the capture), caplen, wire_len, linktype
        (number of the link type), interface (row in `interfaces`).
    faults : array of `dtypes.FAULTS`
        What was wrong with the files; `offset` is a position.
    interfaces : list of dict
        linktype, link_flags, snaplen, tsresol, tsoffset of each interface.
    comments : list of tuple
        (row, or -1 for a comment on a section or interface; block type; position; text).
    dropped_faults : int
        Faults beyond the ceiling of 65 536 a file.
    """

    rows: np.ndarray
    faults: np.ndarray
    interfaces: list[dict[str, int]]
    comments: list[tuple[int, int, int, str]]
    dropped_faults: int = 0

    def __len__(self) -> int:
        return len(self.rows)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.rows, dtype=dtype, copy=copy)


def records(spec: Any, *, spool: bool = False) -> Records:
    """Walk a capture, decode nothing, and list its records.

    Parameters
    ----------
    spec
        As for `open_sources`.
    spool : bool
        Keep decompressed and piped bytes on disk while walking; not needed for the table.

    Returns
    -------
    Records
    """
    with open_sources(spec, spool=spool) as sources:
        merge = Merge(sources, keep=True)
        rows = merge.rows()
        owners = sources.owners(rows["position"])
        walkers = [walker for walker in merge.kept if walker is not None]
        interfaces: list[dict[str, int]] = []
        comments: list[tuple[int, int, int, str]] = []
        firsts = []
        for number, walker in enumerate(walkers):
            firsts.append(len(interfaces))
            interfaces += walker.interfaces
            if walker.comments:
                # -1, a comment on no record, stays
                places = [*np.flatnonzero(owners == number).tolist(), -1]
                comments += [
                    (places[at], kind, where, text) for at, kind, where, text in walker.comments
                ]
        rows["interface"] += np.array(firsts or [0], "u4")[owners]
        faults = [walker.faults for walker in walkers]
        dropped = sum(walker.dropped_faults for walker in walkers)
    return Records(
        rows,
        np.concatenate([np.empty(0, FAULTS), *faults]),
        interfaces,
        comments,
        dropped,
    )
