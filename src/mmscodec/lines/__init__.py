"""Rows of captures as JSON lines, CSV and lines for people, in the order of time.

Imports nothing by itself: `mmscodec --version` needs no NumPy.
"""
