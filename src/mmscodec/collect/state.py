"""Where a collector left off: a small file in its folder, replaced as a whole."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mmscodec.capture.follow import FilePart

NAME = ".mmscodec-collect.json"
_VERSION = 1


@dataclass
class State:
    """What is safely written.

    Attributes
    ----------
    run : int
        The present run, or the last one: what one decoder made, whose numbers of flows and rows
        are its own.
    part : int
        Number of its next part.
    source : str
        The input as it was named; rows of another one are another run.
    ended : bool
        The run is complete.
    position : int
        Bytes of the input up to which all rows are in finished files.
    record : int
        Where the last record of them begins with its data.
    rows : dict
        Rows of each table up to there.
    files : list
        The files of the input in the order in which they were read.
    forgotten : bool
        There were more of them than are kept in mind.
    pending : list
        Complete files that may not have their names yet: (present path, final path).
    """

    run: int = 0
    part: int = 0
    source: str = ""
    ended: bool = True
    position: int = 0
    record: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    files: list[FilePart] = field(default_factory=list)
    forgotten: bool = False
    pending: list[tuple[str, str]] = field(default_factory=list)


def load(folder: Path) -> State:
    """The state of a folder; without one, a new one behind all runs that are there.

    Raises
    ------
    ValueError
        The file is none of ours.
    """
    path = folder / NAME
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found.pop("version") != _VERSION:
            raise ValueError("another version")
        state = State(**found)
        state.files = [FilePart(**{**part, "identity": tuple(part["identity"])})
                       for part in found["files"]]  # fmt: skip
        return state
    except FileNotFoundError:
        runs = [path.parent.name[4:] for path in folder.glob("*/run=*/part-*.parquet")]
        return State(run=max((int(run) for run in runs if run.isdigit()), default=0))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is no state of a collector: {error}") from None


def save(folder: Path, state: State) -> None:
    """Replace the file; what was there stays when anything goes wrong."""
    about: dict[str, Any] = {"version": _VERSION, **asdict(state)}
    path = folder / f"{NAME}.part"
    try:
        with path.open("w", encoding="utf-8") as file:
            json.dump(about, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(path, folder / NAME)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    settle(folder)


def settle(folder: Path) -> None:
    """Names of files in a folder are on the disk, where the system can say so."""
    if os.name == "nt":
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    except OSError:
        pass  # some network file systems cannot; the names are as safe as they get there
    finally:
        os.close(number)


def lock(folder: Path) -> Any:
    """Hold the folder for this process; BlockingIOError if another one has it.

    The descriptor that is returned holds it until it is closed.
    """
    try:
        import fcntl
    except ImportError:
        return None  # Windows: nothing is locked
    number = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(number)
        raise BlockingIOError(
            error.errno, "another collector writes into this folder", str(folder)
        ) from None
    return number
