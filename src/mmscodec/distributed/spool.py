"""What is in a spool, and where; see docs/distributed.md.

spool.json                      version and number of partitions
surveys/FILE.arrow              what a capture file says about the whole
wanted/FINGERPRINT.npz          what all surveys together want
partition-000/FILE.arrow        its segments of one partition
files/FILE.json                 what was scanned, with checksums; written last
"""

from __future__ import annotations

import hashlib
import io
import json
from functools import lru_cache
from typing import Any

import numpy as np

from mmscodec.convert.library import pyarrow
from mmscodec.distributed.store import Hashed, Store
from mmscodec.distributed.surveying import Wanted, decide
from mmscodec.errors import CaptureError

_VERSION = 1
_PARTITIONS = 16


class Spool:
    """A spool in a folder or at an address."""

    def __init__(self, root: Any) -> None:
        self.store = Store(root)

    def begin(self, partitions: int | None) -> int:
        """The number of partitions, which is settled with the first file.

        Raises
        ------
        ValueError
            There is another number already, or something that is no spool.
        """
        found = self.partitions
        if found is None:
            found = partitions or _PARTITIONS
            about = {"version": _VERSION, "partitions": found}
            self.store.write("spool.json", json.dumps(about).encode())
        if partitions not in (None, found):
            raise ValueError(f"{self.store.root} has {found} partitions, not {partitions}")
        return found

    @property
    def partitions(self) -> int | None:
        """The number of partitions, None where there is no spool."""
        text = self.store.read("spool.json")
        if text is None:
            return None
        try:
            about = json.loads(text)
            if about["version"] != _VERSION:
                raise ValueError("another version")
            return int(about["partitions"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{self.store.place('spool.json')}: {error}") from None

    def survey(self, key: str) -> tuple[dict[str, Any], Any] | None:
        """What is known of a file, and its survey; None if it was not looked at."""
        data = self.store.read(f"surveys/{key}.arrow")
        if data is None:
            return None
        try:
            with pyarrow("ipc").open_stream(data) as reader:
                batch = reader.read_next_batch()
            return json.loads(batch.schema.metadata[b"mmscodec"]), batch
        except (pyarrow().ArrowException, OSError, StopIteration, KeyError, ValueError):
            return None  # it is looked at again

    def keep_survey(self, key: str, about: dict[str, Any], batch: Any) -> None:
        """Keep what was found."""
        schema = batch.schema.with_metadata({"mmscodec": json.dumps(about)})
        with self.store.writing(f"surveys/{key}.arrow") as file:
            _write_stream(file, schema, [batch.replace_schema_metadata(schema.metadata)])

    def decide(self) -> tuple[str, Wanted, dict[str, dict[str, Any]]]:
        """What all surveys want, its fingerprint, and what is known of each file."""
        about: dict[str, dict[str, Any]] = {}
        surveys = []
        for name in self.store.names("surveys"):
            found = self.survey(name.removesuffix(".arrow"))
            if found is not None:
                about[name.removesuffix(".arrow")] = found[0]
                surveys.append(found[1])
        wanted = decide(surveys)
        data = [wanted.pairs.tobytes(), wanted.groups.tobytes(),
                json.dumps(sorted(wanted.files.items())).encode()]  # fmt: skip
        return hashlib.sha256(b"|".join(data)).hexdigest()[:32], wanted, about

    def keep_wanted(self, fingerprint: str, wanted: Wanted) -> None:
        """Keep it for other processes."""
        out = io.BytesIO()
        names = np.array([json.dumps(wanted.files)])
        np.savez(out, pairs=wanted.pairs, groups=wanted.groups, files=names)
        self.store.write(f"wanted/{fingerprint}.npz", out.getvalue())

    def manifest(self, key: str) -> dict[str, Any] | None:
        """What was scanned of a file; None if nothing was."""
        text = self.store.read(f"files/{key}.json")
        try:
            found: dict[str, Any] | None = None if text is None else json.loads(text)
        except ValueError:
            return None
        return found


def key_of(name: str) -> str:
    """What a capture file is called in the spool."""
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:24]


@lru_cache(maxsize=2)
def wanted_of(root: str, fingerprint: str) -> Wanted:
    """What was kept, read once in a process."""
    data = Spool(root).store.read(f"wanted/{fingerprint}.npz")
    if data is None:
        raise CaptureError(f"{root}: what is wanted is not there any more; run scan again")
    with np.load(io.BytesIO(data), allow_pickle=False) as found:
        files = json.loads(str(found["files"][0]))
        return Wanted(found["pairs"], found["groups"], files)


def _write_stream(file: Hashed, schema: Any, batches: Any) -> None:
    """An Arrow stream."""
    pa = pyarrow()
    with pyarrow("ipc").new_stream(pa.PythonFile(file, mode="w"), schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
