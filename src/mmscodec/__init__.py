"""Microsoft Media Server (MMS) streams and WinMX frames as NumPy structured arrays, and back."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmscodec import asf, errors, mms, winmx
    from mmscodec._facade import Capture, open
    from mmscodec._kernels.core.allocator import keep_memory as keep_memory

__version__ = "0.1.0"
__all__ = ("Capture", "asf", "errors", "get_include", "mms", "open", "winmx")

#: Where each public name is; it is imported when it is first asked for, so that the command says
#: its version without NumPy.
_HOMES = {
    "Capture": "mmscodec._facade",
    "open": "mmscodec._facade",
    "keep_memory": "mmscodec._kernels.core.allocator",
    "asf": "",
    "errors": "",
    "mms": "",
    "winmx": "",
}


def get_include() -> str:
    """Folder of the C headers, for the include path of extensions that cimport this package.

    The `.pxd` files stand beside the modules, where Cython finds them by their module names.
    """
    from pathlib import Path

    return str(Path(__file__).parent / "_kernels" / "include")


def __getattr__(name: str) -> Any:
    if name in ("capture", "sessions"):  # packages, for who writes their dotted names
        return import_module(f"mmscodec.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'mmscodec' has no attribute {name!r}")
    home = _HOMES[name]
    found = getattr(import_module(home), name) if home else import_module(f"mmscodec.{name}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
