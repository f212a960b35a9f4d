"""What one file knows about the whole: who may have spoken a protocol, and what goes together.

A file alone cannot tell everything: a handshake may be in the file before. So each file names
the pairs of addresses between which it recognised something, and those about which it cannot yet
say (the capture ended before the first bytes of a flow did). What any file names is wanted from
all of them, and decoding decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmscodec.capture import dtypes, open_sources
from mmscodec.capture._engine import Engine
from mmscodec.capture._merge import Merge
from mmscodec.capture._select import Ends
from mmscodec.capture.discovery import natural
from mmscodec.convert.library import pyarrow
from mmscodec.distributed.pairs import addresses, pairs
from mmscodec.schema.vocabulary import Direction, Protocol, Transport

_ROWS = 1 << 16
_DATAGRAMS = 1 << 17  # many more than wait for fragments at a time
_SHORT = 4096  # records; in fewer there may be too little of a connection to judge it
_FAULTS = 1000  # of a file that are kept
#: Kinds of rows of a survey: a file was looked at; a pair is wanted, whose client is its left or
#: right address; it is wanted, and nobody knows; two pairs (`pair` and `left`) are in one frame, or
#: in the fragments of one datagram; a fault of the file: its code, offset and length.
_FILE, _LEFT, _RIGHT, _EITHER, _TOGETHER, _FAULT = range(6)


def survey_file(path: Any, name: str | None = None) -> Any:
    """What is in a capture file, as far as other files have to know.

    Parameters
    ----------
    path : path, str or file object
        As for `mmscodec.open`, of one file.
    name : str, optional
        What it is called in the survey; default: its path.

    Returns
    -------
    pyarrow.RecordBatch
        Of `SURVEY`: a few rows for each pair of hosts that matters, and one for the file.
    """
    found: set[tuple[int, int, int, int]] = set()
    faults: list[tuple[int, int, int, int]] = []
    with open_sources(path) as sources:
        engine = Engine(mms=True, winmx=True)
        merge = Merge(sources)
        while not engine.run(merge, _ROWS, live=True):
            found.update(_recognised(engine.drain(retire=True), faults))
        found.update(_undecided(engine.undecided(engine.counts["records"] < _SHORT)))
        found.update(_recognised(engine.drain(retire=True), faults))
        engine.finish()
        found.update(_recognised(engine.drain(retire=True)))
    with open_sources(path) as sources:
        ends = Ends(Merge(sources), odd=True)
        found.update(_together(ends))
    rows = [(_FILE, 0, 0, 0), *sorted(found), *faults[:_FAULTS]]
    columns = np.array(rows, np.uint64).astype(np.int64)
    pa, schema = pyarrow(), _schema()
    return pa.record_batch(
        [
            pa.array([str(path) if name is None else name] * len(rows)),
            pa.array(np.full(len(rows), ends.first)),
            pa.array(columns[:, 0].astype(np.int8)),
            *(pa.array(np.ascontiguousarray(columns[:, at])) for at in (1, 2, 3)),
        ],
        schema=schema,
    )


def _schema() -> Any:
    from mmscodec.distributed.schemas import SURVEY

    return SURVEY


def faults_of(survey: Any) -> list[int]:
    """Codes of the faults of a file and its frames."""
    rows = zip(survey.column("kind").to_pylist(), survey.column("pair").to_pylist())
    return [code for kind, code in rows if kind == _FAULT]


def _recognised(
    blocks: dict[str, Any], faults: list[tuple[int, int, int, int]] | None = None
) -> Iterator[tuple[int, int, int, int]]:
    """Pairs of flows of a known protocol; faults of the file go into the list."""
    if faults is not None:
        bad = blocks["faults"].array(dtypes.CAPTURE_FAULTS)
        bad = bad[(bad["flow"] < 0) & (bad["offset"] >= 0)][:_FAULTS]
        numbers = zip(*(bad[name].tolist() for name in ("code", "offset", "length")))
        faults += [(_FAULT, *row) for row in numbers]
    raw = blocks["flows"].array(dtypes.RAW_FLOWS)
    raw = raw[raw["protocol"] != 0]
    src, dst = addresses(raw["src"]), addresses(raw["dst"])
    kind = np.full(len(raw), _EITHER)
    mms = raw["protocol"] == Protocol.MMS
    kind[mms & (raw["direction"] == Direction.TO_SERVER)] = _LEFT
    to_client = mms & (raw["direction"] == Direction.TO_CLIENT)
    kind[to_client | (mms & (kind == _EITHER) & (raw["transport"] == Transport.UDP))] = _RIGHT
    return zip(kind.tolist(), pairs(src, dst).tolist(), src.tolist(), dst.tolist())


def _undecided(hosts: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[int, int, int, int]]:
    """Pairs about which nothing is known yet."""
    both = np.array(list(hosts), "V16").reshape(-1, 2)
    src, dst = addresses(both[:, 0]), addresses(both[:, 1])
    return zip([_EITHER] * len(both), pairs(src, dst).tolist(), src.tolist(), dst.tolist())


def _together(ends: Ends) -> Iterator[tuple[int, int, int, int]]:
    """Pairs that cannot be told apart frame by frame."""
    waiting: dict[int, int] = {}  # a pair of each of the latest datagrams
    while not ends.ended:
        rows, _, _, seen, links = ends.take(_ROWS)
        numbers = pairs(addresses(seen["src"]), addresses(seen["dst"]))
        first = np.zeros(len(rows), np.uint64)
        first[seen["row"][::-1]] = numbers[::-1]
        for row, pair in zip(seen["row"].tolist(), numbers.tolist()):
            if pair != first[row]:
                yield _TOGETHER, int(first[row]), pair, 0
        for row, datagram in links.tolist():
            pair = int(first[row])
            if waiting.setdefault(datagram, pair) != pair:
                yield _TOGETHER, waiting[datagram], pair, 0
        for datagram in list(waiting)[:-_DATAGRAMS]:
            del waiting[datagram]


@dataclass(frozen=True)
class Wanted:
    """What is to be scanned for, in every file.

    Attributes
    ----------
    pairs : numpy.ndarray
        Ascending numbers of pairs of hosts.
    groups : numpy.ndarray
        What is decoded together, of each: one client with all its servers, or one pair.
    files : dict
        Number of each file, in the order in which `mmscodec.open` takes them.
    """

    pairs: np.ndarray
    groups: np.ndarray
    files: dict[str, int]


class _Sets:
    """Disjoint sets of numbers; the least one stands for the others."""

    def __init__(self) -> None:
        self.above: dict[int, int] = {}

    def root(self, node: int) -> int:
        """What stands for a number."""
        top = node
        while (up := self.above.get(top, top)) != top:
            top = up
        while node != top:
            self.above[node], node = top, self.above.get(node, node)
        return top

    def join(self, one: int, other: int) -> None:
        """They belong together."""
        a, b = sorted((self.root(one), self.root(other)))
        self.above[b] = a


def decide(surveys: Iterable[Any]) -> Wanted:
    """Put the surveys of all files together.

    Parameters
    ----------
    surveys : iterable of pyarrow.RecordBatch
        As `survey_file` gives them.
    """
    files: dict[str, int] = {}
    rows: set[tuple[int, int, int, int]] = set()
    for batch in surveys:
        names, times = (batch.column(at).to_pylist() for at in (0, 1))
        files.update(zip(names, times))
        rows.update(zip(*(batch.column(at).to_pylist() for at in (2, 3, 4, 5))))
    wanted = {pair for kind, pair, _, _ in rows if kind in (_LEFT, _RIGHT, _EITHER)}
    beside = [(one, other) for kind, one, other, _ in rows if kind == _TOGETHER]
    carried = {x for pair in beside for x in pair if wanted.intersection(pair)}
    sets = _Sets()
    _with_clients(rows, sets)
    for one, other in beside:
        if one in carried and other in carried:
            sets.join(one, other)
    chosen = np.array(sorted(wanted | carried), np.int64)
    groups = np.array([sets.root(pair) for pair in chosen.tolist()], np.int64)
    order = np.argsort(chosen.view(np.uint64), kind="stable")
    named = sorted(files, key=lambda name: (files[name], natural(name)))
    return Wanted(
        chosen.view(np.uint64)[order], groups[order], {name: at for at, name in enumerate(named)}
    )


def _with_clients(rows: Iterable[tuple[int, int, int, int]], sets: _Sets) -> None:
    """Pairs of one client belong together: it is sent Data packets, redirected, and comes again."""
    rows = list(rows)
    known = {kind: [row for row in rows if row[0] == kind] for kind in (_LEFT, _RIGHT, _EITHER)}
    told = set()
    for kind, at in ((_LEFT, 2), (_RIGHT, 3)):
        for row in known[kind]:
            told.add(row[1])
            sets.join(row[1], row[at])
    clients = {row[2] for row in known[_LEFT]} | {row[3] for row in known[_RIGHT]}
    for _, pair, left, right in known[_EITHER]:
        if pair not in told:
            for address in {left, right} & clients:
                sets.join(pair, address)
