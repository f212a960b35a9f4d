"""Faults and findings counted by flow."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmscodec.schema.findings import Severity
from mmscodec.sessions.interrupted import left_inside


def wrong_by_flow(cap: Any) -> dict[str, np.ndarray | None]:
    """Counts by row of `flows`: violations, deviations, faults; None where it is not known."""
    flows = len(cap.flows)
    faults = cap.faults["flow"][~left_inside(cap.faults, cap.flows)]
    out: dict[str, np.ndarray | None] = {
        "violations": None,
        "deviations": None,
        "faults": np.bincount(faults[faults >= 0], minlength=flows),
    }
    findings = getattr(cap, "findings", None)
    if findings is not None and "flow" in (findings.dtype.names or ()):
        for name, severity in (
            ("violations", Severity.VIOLATION),
            ("deviations", Severity.DEVIATION),
        ):
            chosen = findings["flow"][findings["severity"] == severity]
            out[name] = np.bincount(chosen[chosen >= 0], minlength=flows)
    return out
