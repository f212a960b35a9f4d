"""Which files a path, folder, pattern or address stands for."""

from __future__ import annotations

import glob
import importlib
import os
from collections.abc import Iterable, Iterator
from typing import Any

from mmscodec.capture.discovery import natural
from mmscodec.errors import MissingExtraError


def listed(paths: Any) -> list[str]:
    """Names of all files, each once; hidden ones of folders are left out.

    Parameters
    ----------
    paths : path, str, or iterable of these
        Files, folders, patterns; with `://` in it fsspec is asked.
    """
    single = isinstance(paths, str | os.PathLike)
    items: Iterable[Any] = [paths] if single else paths
    return list(dict.fromkeys(name for item in items for name in _named(os.fspath(item))))


def _named(path: str) -> Iterator[str]:
    if path.startswith("file:"):
        path = path.removeprefix("file://").removeprefix("file:")
    if "://" in path:
        yield from _remote(path)
    elif os.path.isdir(path):
        found = [item.path for item in os.scandir(path) if item.is_file() and _shown(item.name)]
        yield from sorted(map(os.path.abspath, found), key=natural)
    elif not os.path.exists(path) and glob.has_magic(path):
        found = [name for name in glob.glob(path, recursive=True) if os.path.isfile(name)]
        yield from sorted(map(os.path.abspath, found), key=natural)
    else:
        yield os.path.abspath(path)


def _remote(address: str) -> Iterator[str]:
    try:
        core: Any = importlib.import_module("fsspec.core")
    except ImportError:
        raise MissingExtraError("fsspec", "cloud") from None
    system, path = core.url_to_fs(address)
    if glob.has_magic(path):
        found = [name for name in system.glob(path) if system.isfile(name)]
    elif system.isdir(path):
        found = [name for name in system.ls(path, detail=False) if system.isfile(name)]
    else:
        found = [path]
    shown = [name for name in found if _shown(name.rpartition("/")[2])]
    yield from map(system.unstrip_protocol, sorted(shown, key=natural))


def _shown(name: str) -> bool:
    return not name.startswith((".", "_"))
