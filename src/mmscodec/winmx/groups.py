"""All connections of a capture at once: one buffer, and a batch for each link and side."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mmscodec.schema.faults import FaultCode
from mmscodec.schema.vocabulary import C2S, S2C
from mmscodec.schema.winmx.dtypes import FAULT_ROWS
from mmscodec.winmx._cipher import LINKS, decipher_pairs
from mmscodec.winmx.batch import Batch
from mmscodec.winmx.faultrows import DATA, KEY_BLOCK, LENGTH, add_faults
from mmscodec.winmx.recognition import CLIENT_HEAD, SERVER_HEAD

HEADS = (CLIENT_HEAD, SERVER_HEAD)
#: What `decipher_pairs` says of a connection.
JUDGED = np.dtype(
    [("verdict", "u1"), ("link", "u1"), ("keys", "u1"), ("client_block", "u1"), ("states", "V8")]
)


class Streams(NamedTuple):
    """Both directions of connections, the client's and then the server's of each.

    Attributes
    ----------
    data : numpy.ndarray
        Their bytes up to the first that is missing, deciphered where the keys are known.
    starts, lengths : numpy.ndarray
        int64: where they are, ascending.
    totals, missing : numpy.ndarray
        int64: how long each is in all, and how many bytes are missing.
    """

    data: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    totals: np.ndarray
    missing: np.ndarray


class Group(NamedTuple):
    """The streams of one link and direction; offsets in the batch are places in the buffer.

    Attributes
    ----------
    batch : Batch
    which : numpy.ndarray
        Which streams they are.
    unread, owners : numpy.ndarray
        Faults of what no row covers, with offsets in the stream, and the stream of each.
    """

    batch: Batch
    which: np.ndarray
    unread: np.ndarray
    owners: np.ndarray


def decode_groups(streams: Streams) -> tuple[np.ndarray, list[Group]]:
    """Decode all connections whose keys are known.

    `streams.data` is deciphered where it is. The first array says of each connection whether it is
    among them, as `Recognition` would: those without keys are for `decode_halves`.
    """
    judged = np.zeros(len(streams.starts) // 2, JUDGED)
    decipher_pairs(streams.data, streams.starts, streams.lengths, judged)
    data = streams.data.view()
    data.flags.writeable = False
    keyed = judged["keys"] != 0
    groups = []
    for link in np.unique(judged["link"][keyed]).tolist():
        pairs = np.flatnonzero(keyed & (judged["link"] == link))
        for side, direction in enumerate((C2S, S2C)):
            which = 2 * pairs + side
            known, head = streams.lengths[which], HEADS[side]
            skipped = np.minimum(known, head)
            ends, batch = np.zeros((len(which), 2), np.int64), Batch()
            batch.scan_many(data, LINKS[link], streams.starts[which] + skipped,
                            known - skipped, ends)  # fmt: skip
            batch.direction = direction
            rows, at = _unread(streams, which, head, ends)
            if side == 0:
                bad = which[(known >= head) & (judged["client_block"][pairs] == 0)]
                blocks = np.zeros(len(bad), FAULT_ROWS)
                _fill(blocks, 0, head, FaultCode.BAD_KEY_BLOCK, KEY_BLOCK, 16, 16)
                rows, at = np.concatenate([blocks, rows]), np.concatenate([bad, at])
            groups.append(Group(batch, which, rows, at))
    return keyed, groups


def _unread(
    streams: Streams, which: np.ndarray, head: int, ends: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    # `unread.enciphered` of many streams; `ends`: bytes of whole frames, and what the next one has
    known, total = streams.lengths[which], streams.totals[which]
    begun = known >= head
    at = np.where(begun, head + ends[:, 0], 0)
    left = total > at
    rows = np.zeros(np.count_nonzero(left), FAULT_ROWS)
    missing, rest = streams.missing[which][left], (total - at)[left]
    need = np.where(begun, ends[:, 1], head)[left]
    broken = (known < total)[left]
    _fill(
        rows, at[left], rest,
        np.where(broken, int(FaultCode.CIPHER_BROKEN_BY_GAP), int(FaultCode.TRUNCATED)),
        np.where(broken, DATA, LENGTH), np.where(broken, missing, need),
        np.where(broken, rest - missing, rest),
    )  # fmt: skip
    return rows, which[left]


def _fill(rows: np.ndarray, offset, length, code, field, need, have) -> None:
    rows["offset"], rows["length"], rows["code"], rows["field"] = offset, length, code, field
    rows["packet"], rows["need"], rows["have"] = -1, need, have


def alone(streams: Streams, group: Group, number: int) -> Batch:
    """The batch of one stream of a group, as `decode_halves` makes it."""
    stream, batch = int(group.which[number]), Batch()
    head = HEADS[stream & 1]
    start, size = int(streams.starts[stream]), int(streams.lengths[stream])
    batch.scan(group.batch.pieces[0][1][start + min(head, size) : start + size].data,
               group.batch.link, head)  # fmt: skip
    batch.direction = group.batch.direction
    add_faults(batch, list(group.unread[group.owners == stream].reshape(-1, 1)))
    return batch
