"""What a worker process does with one partition: Parquet files, and a marker when all are there.

NAME/partition=N/part-0.parquet     rows of a table
.mmscodec-join/N.json               what the partition was made of; written last
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmscodec.distributed.decoding import join_partition
from mmscodec.distributed.merging import merged, read_part
from mmscodec.distributed.spool import Spool
from mmscodec.distributed.store import Store
from mmscodec.distributed.tasks import FAILURES, part_name, words

_MARKERS = ".mmscodec-join"


def join(
    root: str, out: str, partition: int, parts: Sequence[dict[str, Any]], options: dict[str, Any]
) -> dict[str, Any]:
    """Decode a partition unless that was done; what became of it.

    Parameters
    ----------
    root, out : str
        The spool, and where tables go.
    partition : int
    parts : sequence of dict
        As manifests have them, with `key`, what the capture file is called in the spool.
    options : dict
        As of `join_partition`.
    """
    store = Store(out)
    known = json.dumps(
        [[part["key"], part["sha256"]] for part in parts] + [sorted(options.items())]
    )
    made_of = hashlib.sha256(known.encode()).hexdigest()
    marker = _marker(partition)
    before = json.loads(store.read(marker) or b"{}")
    if before.get("made_of") == made_of:
        return dict(before)
    there = before.get("rows", {})
    try:
        rows = _written(Spool(root).store, store, partition, parts, options, there)
    except FAILURES as error:
        return {"partition": partition, "failed": words(error)}
    for name in there:
        if name not in rows:
            store.remove(_table_name(name, partition))
    size = sum(part["bytes"] for part in parts)
    about = {"partition": partition, "made_of": made_of, "rows": rows, "bytes": size}
    store.write(marker, json.dumps(about).encode())
    return about


def made(out: str) -> list[int]:
    """Partitions of which tables may be there."""
    names = (name.removesuffix(".json") for name in Store(out).names(_MARKERS))
    return [int(name) for name in names if name.isdigit()]


def _marker(partition: int) -> str:
    return f"{_MARKERS}/{partition}.json"


def _table_name(table: str, partition: int) -> str:
    """Where the rows of a table are."""
    return f"{table}/partition={partition}/part-0.parquet"


def _written(
    spool: Store, store: Store, partition: int, parts: Sequence[dict[str, Any]],
    options: dict[str, Any], there: dict[str, int],
) -> dict[str, int]:  # fmt: skip
    here = None
    if store.system is None:
        here = Path(store.base)
        here.mkdir(parents=True, exist_ok=True)
    inputs = []
    for part in parts:
        name = part_name(partition, part["key"])
        first = part["first"], part["file"], -1
        inputs.append((first, read_part(spool, name, part["sha256"])))
    with tempfile.TemporaryDirectory(prefix=f".partition-{partition}.", dir=here) as folder:
        rows = join_partition(merged(inputs), folder, **options)
        mixed = {"partition": partition, "made_of": "", "rows": {**there, **rows}}
        store.write(_marker(partition), json.dumps(mixed).encode())
        for name in rows:
            store.take(Path(folder) / f"{name}.parquet", _table_name(name, partition))
    return rows
