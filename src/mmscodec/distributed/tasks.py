"""What a worker process does with one capture file: a survey, or a scan into the spool."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np

from mmscodec.convert.library import pyarrow
from mmscodec.distributed.inputs import identity
from mmscodec.distributed.scanning import scan_file
from mmscodec.distributed.spool import Spool, key_of, wanted_of
from mmscodec.distributed.surveying import faults_of, survey_file
from mmscodec.errors import CaptureError, MmsCodecError
from mmscodec.schema.faults import fault_name

#: What is said of a file that there was nothing made of.
FAILURES = (OSError, MmsCodecError, EOFError)


def survey(root: str, name: str) -> dict[str, Any]:
    """Look at a file unless it was; what is known of it."""
    spool, key = Spool(root), key_of(name)
    try:
        now = identity(name)
        found = spool.survey(key)
        if found is not None and found[0]["identity"] == now:
            return found[0]
        batch = survey_file(name, name)
        if identity(name) != now:
            raise CaptureError(f"{name}: it changed while it was read")
    except FAILURES as error:
        found = spool.survey(key)
        if found is not None:
            return found[0]  # what was scanned of it may be there
        return {"name": name, "failed": words(error)}
    codes = faults_of(batch)
    faults = {fault_name(code): codes.count(code) for code in sorted(set(codes))}
    about = {"name": name, "identity": now, "faults": faults}
    spool.keep_survey(key, about, batch)
    return about


def scan(root: str, name: str, fingerprint: str, partitions: int) -> dict[str, Any]:
    """Write the segments of a file that are wanted, unless they are there; its manifest."""
    spool, key = Spool(root), key_of(name)
    before, known = spool.manifest(key), spool.survey(key)
    try:
        if known is None:
            raise CaptureError(f"{name}: its survey is gone; run scan again")
        if before is not None and before["fingerprint"] == fingerprint \
                and before["identity"] == known[0]["identity"]:  # fmt: skip
            return before
        if identity(name) != known[0]["identity"]:
            raise CaptureError(f"{name}: it changed since it was surveyed")
        parts = _parts(spool, key, name, wanted_of(root, fingerprint), partitions)
        if identity(name) != known[0]["identity"]:
            raise CaptureError(f"{name}: it changed while it was read")
        about = {
            "name": name, "identity": known[0]["identity"], "fingerprint": fingerprint,
            "faults": known[0]["faults"], "parts": parts,
        }  # fmt: skip
    except FAILURES as error:
        about = {"name": name, "identity": [], "fingerprint": fingerprint,
                 "failed": words(error), "parts": (parts := [])}  # fmt: skip
    spool.store.write(f"files/{key}.json", json.dumps(about, indent=1).encode())
    for number in {part["partition"] for part in (before or {}).get("parts", ())}:
        if all(part["partition"] != number for part in parts):
            spool.store.remove(part_name(number, key))
    return about


def part_name(partition: int, key: str) -> str:
    """Where the segments of a file are."""
    return f"partition-{partition:03}/{key}.arrow"


def words(error: BaseException) -> str:
    """Why nothing was made of a file."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


class _Part:
    """Segments of one partition on their way into a file."""

    def __init__(self, file: Any, partition: int, first: Any) -> None:
        from mmscodec.distributed.schemas import SEGMENTS

        self.file = file
        self.writer = pyarrow("ipc").new_stream(pyarrow().PythonFile(file, mode="w"), SEGMENTS)
        order, number = first.column("order")[0].as_py(), first.column("file")[0].as_py()
        self.about = {"partition": partition, "rows": 0, "first": order, "file": number}

    def write(self, batch: Any) -> None:
        """Some segments more."""
        self.writer.write_batch(batch)
        self.about["rows"] += len(batch)

    def finish(self) -> dict[str, Any]:
        """What is in the file, with its checksum."""
        self.writer.close()
        return {**self.about, "bytes": self.file.size, "sha256": self.file.checksum}


def _parts(spool: Spool, key: str, name: str, wanted: Any, partitions: int) -> list[dict[str, Any]]:
    """Segments of all partitions, each in a file of its own; they appear together at the end."""
    parts: dict[int, _Part] = {}
    spool.store.remove(f"files/{key}.json")  # it says nothing of what is written now
    with ExitStack() as stack:
        for number, batch in _partitioned(scan_file(name, wanted, name=name), partitions):
            if number not in parts:
                file = stack.enter_context(spool.store.writing(part_name(number, key)))
                parts[number] = _Part(file, number, batch)
            parts[number].write(batch)
        return [parts[number].finish() for number in sorted(parts)]


def _partitioned(batches: Iterator[Any], partitions: int) -> Iterator[tuple[int, Any]]:
    """Record batches, and the partition that each belongs to."""
    for batch in batches:
        where = batch.column("group").to_numpy() % partitions
        for number in np.unique(where).tolist():
            yield number, batch.filter(pyarrow().array(where == number))
