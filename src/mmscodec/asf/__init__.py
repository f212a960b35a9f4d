"""ASF files: what their headers say, and how they are put together from Data packets."""

from mmscodec.asf.header import AsfHeader, describe
from mmscodec.asf.streams import Stream
from mmscodec.asf.write import AsfFile

__all__ = ("AsfFile", "AsfHeader", "Stream", "describe")
