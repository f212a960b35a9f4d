"""Capture files as a command names them: paths, folders, patterns, addresses."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable

from mmscodec.capture.discovery import natural
from mmscodec.distributed.store import remote


def expanded(named: Iterable[str]) -> list[str]:
    """One name for each file, each once; what is no capture is found out when it is read."""
    found: dict[str, None] = {}
    for name in named:
        found.update(dict.fromkeys(_at_address(name) if "://" in name else _here(name)))
    return list(found)


def _here(name: str) -> list[str]:
    if os.path.isdir(name):
        files = [item.path for item in os.scandir(name)
                 if item.is_file() and not item.name.startswith(".")]  # fmt: skip
    elif glob.has_magic(name) and not os.path.exists(name):
        files = [file for file in glob.glob(name, recursive=True) if os.path.isfile(file)]
    else:
        files = [name]
    return sorted(map(os.path.abspath, files), key=natural)


def _at_address(name: str) -> list[str]:
    system, path = remote(name)
    if glob.has_magic(path):
        files = system.glob(path)
    elif system.isdir(path):
        files = system.ls(path, detail=False)
    else:
        return [name]
    files = [file for file in files if system.isfile(file)]
    return sorted(map(system.unstrip_protocol, files), key=natural)


def identity(name: str) -> list[str]:
    """Size and time or tag of a file, which change when it does; OSError if it is not there."""
    if "://" not in name:
        about = os.stat(name)
        return [str(about.st_size), str(about.st_mtime_ns)]
    system, path = remote(name)
    known = system.info(path)
    tags = (known.get(key) for key in ("ETag", "etag", "mtime", "LastModified", "created"))
    return [str(known["size"]), next((str(tag) for tag in tags if tag is not None), "")]
