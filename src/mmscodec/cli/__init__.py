"""The command `mmscodec`."""

from mmscodec.cli.main import main

__all__ = ("main",)
