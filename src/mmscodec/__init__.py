"""Microsoft Media Server (MMS) streams and WinMX frames as NumPy structured arrays, and back."""

__version__ = "0.1.0"
