"""A folder on this machine or at an address of fsspec; its files are there when they are whole."""

from __future__ import annotations

import hashlib
import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmscodec.errors import CaptureError, MissingExtraError


def remote(address: str) -> tuple[Any, str]:
    """The file system of fsspec that an address belongs to, and the path there."""
    try:
        core: Any = importlib.import_module("fsspec.core")
    except ImportError:
        raise MissingExtraError("fsspec", "cloud") from None
    try:
        system, path = core.url_to_fs(address)
    except (ImportError, ValueError) as error:  # each kind needs a package of its own
        raise CaptureError(f"cannot open {address}: {str(error).rstrip('.')}") from None
    system.invalidate_cache()
    return system, path.rstrip("/")


class Store:
    """Files by names with slashes.

    Parameters
    ----------
    root : path or str
        A folder, which is made when it is written to, or an address of fsspec.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = os.fspath(root)
        self.system, self.base = None, self.root
        if "://" in self.root:
            self.system, self.base = remote(self.root)

    def place(self, name: str) -> str:
        """Where a file is."""
        return f"{self.base}/{name}"

    @contextmanager
    def writing(self, name: str) -> Iterator[Hashed]:
        """A new file; it has its name when the block has ended, and not if that failed."""
        if self.system is not None:
            file = self.system.open(self.place(name), "wb")
            try:
                yield Hashed(file)
            except BaseException:
                file.discard()
                raise
            file.close()
            return
        path = Path(self.place(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            with part.open("wb") as file:
                yield Hashed(file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)

    def write(self, name: str, data: bytes) -> None:
        """A whole file."""
        with self.writing(name) as file:
            file.write(data)

    def take(self, path: Path, name: str) -> None:
        """A file of this machine goes there."""
        if self.system is not None:
            self.system.put_file(str(path), self.place(name))
            path.unlink()
            return
        place = Path(self.place(name))
        place.parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, place)

    def open(self, name: str) -> Any:
        """A file to be read; FileNotFoundError if there is none."""
        if self.system is not None:
            return self.system.open(self.place(name), "rb")
        return Path(self.place(name)).open("rb")

    def read(self, name: str) -> bytes | None:
        """A whole file; None if there is none."""
        try:
            with self.open(name) as file:
                found: bytes = file.read()
                return found
        except FileNotFoundError:
            return None

    def names(self, folder: str) -> list[str]:
        """Names of the files directly in a folder, in order."""
        if self.system is None:
            place = Path(self.place(folder))
            found = [path.name for path in place.iterdir()] if place.is_dir() else []
        else:
            self.system.invalidate_cache()
            try:
                listed = self.system.ls(self.place(folder), detail=False)
            except FileNotFoundError:
                listed = []
            found = [name.rstrip("/").rpartition("/")[2] for name in listed]
        return sorted(name for name in found if not name.startswith("."))

    def remove(self, name: str) -> None:
        """A file is gone, if it was there."""
        try:
            if self.system is not None:
                self.system.rm_file(self.place(name))
            else:
                os.unlink(self.place(name))
        except FileNotFoundError:
            pass


class Hashed:
    """A binary file, and the SHA-256 of what went through."""

    def __init__(self, file: Any) -> None:
        self._file, self._sum = file, hashlib.sha256()
        self.size, self.closed = 0, False

    def write(self, data: Any) -> int:
        """Some bytes more."""
        self._sum.update(data)
        self.size += len(data)
        self._file.write(data)
        return len(data)

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        data: bytes = self._file.read(size)
        self._sum.update(data)
        self.size += len(data)
        return data

    def flush(self) -> None:
        """The file does as it likes."""

    def close(self) -> None:
        """Who opened the file closes it."""
        self.closed = True

    def readable(self) -> bool:
        """A file that may be read."""
        return True

    def writable(self) -> bool:
        """A file that may be written."""
        return True

    def seekable(self) -> bool:
        """It goes from front to end."""
        return False

    @property
    def checksum(self) -> str:
        """Of all bytes so far."""
        return self._sum.hexdigest()
