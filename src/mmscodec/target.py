"""Where a file goes that takes its name when it is whole."""

from __future__ import annotations

import errno
import os
from pathlib import Path


def file_target(path: str | os.PathLike[str]) -> Path:
    """The path of a file to be replaced or made, links followed.

    Raises
    ------
    OSError
        A folder or device is there: what would take its name would take its place.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    if target.exists() and not target.is_file():
        raise OSError(errno.EINVAL, "not a regular file", os.fspath(path))
    return target
