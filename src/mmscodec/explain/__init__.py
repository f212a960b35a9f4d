"""What stands at a place of a capture, field by field, and why bytes are not believed."""

from mmscodec.explain.choose import explain
from mmscodec.explain.model import Check, Explanation, Part

__all__ = ("Check", "Explanation", "Part", "explain")
