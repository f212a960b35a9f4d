"""One page of HTML about a capture, which opens from disk; needs jinja2 and plotly."""

from mmscodec.report.html import page

__all__ = ("page",)
