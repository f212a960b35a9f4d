"""Messages are sorted by kind once; what a kind has is what a look at each message gives."""

import random

import numpy as np
import pytest

from mmscodec.mms import _gather
from mmscodec.schema import mms as schema

MESSAGES = np.dtype([("length", "u4"), ("mid", "u4"), ("offset", "i8")])
KNOWN = {message.mid: message.min_size for message in schema.MESSAGES}
KNOWN[schema.RESEND_SIGNATURE] = schema.RESEND.fixed_size
OTHER = (0, 0x0002FFFF, 0x00030000, 0x00040004, 0x0003003F, 0x0004FFFF, 0xFFFFFFFF)


def messages(rng, count):
    """Messages of known kinds and of none, some of them too short by a byte."""
    rows = np.zeros(count, MESSAGES)
    rows["mid"] = rng.choices([*KNOWN, *OTHER], k=count)
    least = np.array([KNOWN.get(mid, 8) for mid in rows["mid"].tolist()], np.int64)
    rows["length"] = least + rng.choices([-1, 0, 1, 1000], k=count)
    return rows


def sorted_out(rows):
    return _gather.by_kind(rows, schema.RESEND.fixed_size)


@pytest.mark.parametrize("count", [0, 1, 2, 1000])
def test_rows_of_a_kind_are_those_of_a_look_at_each(count):
    rows = messages(random.Random(count), count)
    order, bounds = sorted_out(rows)
    assert sorted(order.tolist()) == list(range(count))
    for mid, least in KNOWN.items():
        slot = _gather.slot_of(mid)
        found = order[bounds[slot] : bounds[slot + 1]]
        right = np.flatnonzero((rows["mid"] == mid) & (rows["length"] >= least))
        assert found.tolist() == right.tolist()


def test_kinds_have_slots_of_their_own_and_others_share_one():
    slots = {mid: _gather.slot_of(mid) for mid in KNOWN}
    assert len(set(slots.values())) == len(KNOWN)
    none = _gather.slot_of(0xFFFFFFFF)
    assert none not in slots.values()
    rows = np.zeros(len(OTHER), MESSAGES)
    rows["mid"], rows["length"] = OTHER, 1 << 20
    _, bounds = sorted_out(rows)
    for mid in OTHER:
        slot = _gather.slot_of(mid)
        assert slot == none or bounds[slot + 1] - bounds[slot] == 1
    assert not {_gather.slot_of(mid) for mid in OTHER} & set(slots.values())


def test_a_table_with_more_dimensions_is_refused():
    rows = messages(random.Random(1), 8).reshape(4, 2)[:, :1]
    with pytest.raises((ValueError, BufferError)):
        sorted_out(rows)
