"""Microsoft Media Server (MMS) streams and WinMX frames as NumPy structured arrays, and back."""

from mmscodec._kernels.core.allocator import keep_memory
from mmscodec.capture import open

__version__ = "0.1.0"
__all__ = ("keep_memory", "open")
