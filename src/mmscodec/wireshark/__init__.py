"""A dissector for Wireshark and tshark, written from the schema: MMS and WinMX."""

from mmscodec.wireshark.script import dissector

__all__ = ("dissector",)
