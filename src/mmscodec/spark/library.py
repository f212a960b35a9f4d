"""pyspark, imported when it is needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from mmscodec.errors import MissingExtraError


def pyspark(module: str = "") -> Any:
    """The package or one of its modules; MissingExtraError names the extra."""
    try:
        import_module("pyspark")
    except ImportError as error:
        raise MissingExtraError("pyspark", "spark") from error
    return import_module(f"pyspark.{module}" if module else "pyspark")
