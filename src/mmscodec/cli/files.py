"""Captures named on the command line."""

from __future__ import annotations

from typing import Any

import mmscodec


def opened(files: list[str]) -> Any:
    """All files together as one capture."""
    return mmscodec.open(files[0] if len(files) == 1 else files)
