"""Captures: files, packets, flows, and the tables of all that was on the wire."""

from mmscodec.capture.capture import Capture, connection
from mmscodec.capture.dtypes import GAP_REASONS
from mmscodec.capture.not_understood import NotUnderstood
from mmscodec.capture.record_table import Records, records
from mmscodec.capture.scopes import half_connections
from mmscodec.capture.source import Sources, open_sources
from mmscodec.capture.tables import CaptureTables
from mmscodec.schema.vocabulary import DIRECTIONS

__all__ = (
    "DIRECTIONS",
    "GAP_REASONS",
    "Capture",
    "CaptureTables",
    "NotUnderstood",
    "Records",
    "Sources",
    "connection",
    "half_connections",
    "open_sources",
    "records",
)
