"""A service that decodes a live capture, or raw streams, into rolling Parquet files."""

from mmscodec.collect.config import Settings
from mmscodec.collect.service import collect

__all__ = ("Settings", "collect")
