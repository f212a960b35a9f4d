"""Histories of nodes against a walk in plain Python."""

import numpy as np
import pytest

from mmscodec import winmx

NAMES = ("free_primary_slots", "free_secondary_slots", "x")


def walked(nodes, senders, times):
    found = {}
    order = sorted(range(len(nodes)), key=lambda i: (times[i], i))
    for i in order:
        row = nodes[i]
        key = (int(row["ip"]), int(row["udp_port"]), int(row["tcp_port"]), int(senders[i]))
        found.setdefault(key, []).append((times[i], tuple(int(row[n]) for n in NAMES)))
    out = {}
    for key, seen in found.items():
        values = list(zip(*(row for _, row in seen)))
        out[key] = (
            seen[0][0], seen[-1][0], len(seen),
            *(f(column) for column in values for f in (lambda c: c[0], lambda c: c[-1], min, max)),
        )  # fmt: skip
    return out


@pytest.mark.parametrize("seed", range(5))
def test_histories_are_those_of_a_walk(seed):
    rng = np.random.default_rng(seed)
    count = 500
    nodes = np.zeros(count, winmx.RECORD_DTYPE)
    nodes["ip"], nodes["udp_port"] = rng.integers(0, 9, count), rng.integers(0, 2, count)
    nodes["tcp_port"] = rng.integers(0, 3, count)
    for name in NAMES:
        nodes[name] = rng.integers(0, 256, count)
    senders, times = rng.integers(5, 9, count), rng.permutation(count) // 3
    rows = winmx.node_history(nodes, senders, times)
    columns = [f"{n}_{w}" for n in NAMES for w in ("first", "last", "min", "max")]
    found = {
        (int(r["ip"]), int(r["udp_port"]), int(r["tcp_port"]), int(r["sender"])): (
            int(r["first"]), int(r["last"]), int(r["count"]), *(int(r[c]) for c in columns)
        )
        for r in rows
    }  # fmt: skip
    assert found == walked(nodes, senders, times.tolist())
    assert rows["first"].tolist() == sorted(rows["first"].tolist())
    alone = winmx.node_history(nodes, time=times)
    assert "sender" not in alone.dtype.names
    unique = winmx.unique_nodes(nodes, times)
    assert sorted(alone[["ip", "udp_port", "tcp_port", "first", "last", "count"]].tolist()) == \
        sorted(unique.tolist())  # fmt: skip


def test_senders_are_text_too_and_nothing_has_no_history():
    nodes = np.zeros(2, winmx.RECORD_DTYPE)
    rows = winmx.node_history(nodes, sender=["192.0.2.1", "192.0.2.2"])
    assert rows["sender"].tolist() == ["192.0.2.1", "192.0.2.2"]
    assert len(winmx.node_history(nodes[:0])) == 0
    assert len(winmx.node_history(nodes[:0], sender=np.zeros(0))) == 0
