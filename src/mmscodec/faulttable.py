"""The fault table: a structured array that can say in words what it holds."""

from __future__ import annotations

import numpy as np

from mmscodec.schema import faults


class FaultTable(np.ndarray):
    """Rows of `mmscodec.schema.dtypes.FAULTS`, one for each fault, in stream order.

    Columns: offset (first byte of the fault in its stream), length (bytes skipped), code (a
    `FaultCode`), field (a key of `FAULT_FIELDS`), need, have. In captures also time,
    flow and direction.
    """

    def text(self) -> list[str]:
        """One line for each fault: offset, what, field, need and have, bytes skipped, section."""
        names = ("code", "field", "offset", "length", "need", "have")
        rows = np.atleast_1d(self)
        # faults of files and frames are none of a stream
        cited = (
            rows["flow"] >= 0 if "flow" in (rows.dtype.names or ()) else np.ones(len(rows), bool)
        )
        return [
            faults.text(*values, cited=said)
            for said, *values in zip(
                cited.tolist(), *(rows[n].tolist() for n in names), strict=True
            )
        ]


def fault_table(rows: np.ndarray) -> FaultTable:
    """The same memory, with `text()`."""
    return rows.view(FaultTable)
