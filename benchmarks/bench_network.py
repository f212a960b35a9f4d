"""Frames to segments: nanoseconds a packet beside a decode written by hand in C."""

import ctypes
from functools import lru_cache, partial

import numpy as np
import pytest

from benchmarks.harness import Run, compiled, pointer
from tests.bindings.network import RECORD_DTYPE, Network
from tests.capture import frames as f
from tests.capture.test_network_fragments import bomb

BYTES = 100_000_000


def laid_out(kinds: list[bytes], count: int, step: int) -> tuple[np.ndarray, np.ndarray]:
    """`count` frames taken in turns from `kinds`, each at a multiple of `step`."""
    data = np.zeros(count * step, np.uint8)
    rows = data.reshape(count, step)
    records = np.zeros(count, RECORD_DTYPE)
    records["position"] = np.arange(count) * step
    records["linktype"] = 1
    for i, frame in enumerate(kinds):
        rows[i :: len(kinds), : len(frame)] = np.frombuffer(frame, np.uint8)
        records["caplen"][i :: len(kinds)] = len(frame)
    records["wire_len"] = records["caplen"]
    return data, records


def plain(payload: int) -> list[bytes]:
    return [
        f.ethernet(f.ipv4(f.tcp(bytes(payload), seq=seq, options=b"\x01\x01\x08\x0a" * 3)))
        for seq in range(1, 8)
    ] + [f.ethernet(f.ipv4(f.udp(bytes(payload)), protocol=17))]


@lru_cache
def corpora() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    small, media = plain(40), plain(1448)
    six = [f.ethernet(f.ipv6(f.tcp(bytes(40), seq=seq))) for seq in range(8)]
    tagged = [f.vlan(f.ipv4(f.tcp(bytes(40), seq=seq)), 5) for seq in range(8)]
    inner = f.ethernet(f.ipv4(f.tcp(bytes(40))))
    vxlan = [f.ethernet(f.ipv4(f.udp(f.vxlan(inner), dst_port=4789), protocol=17))]
    return {
        "small frames in cache": laid_out(small, 8192, 128),
        "media frames in memory": laid_out(media, BYTES // 1536, 1536),
        "ipv6": laid_out(six, 8192, 128),
        "vlan": laid_out(tagged, 8192, 128),
        "vxlan": laid_out(vxlan, 8192, 192),
    }


@pytest.mark.parametrize("name", ["small frames in cache", "media frames in memory"])
def bench_segments(contest, name):
    data, records = corpora()[name]
    out = np.zeros(3, np.uint64)
    c = compiled("network")
    c.totals.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]

    def by_hand():
        c.totals(pointer(data), pointer(records), len(records), pointer(out))

    by_hand()
    network = Network()
    assert network.totals(data, records) == tuple(out.tolist())
    assert out[0] == len(records)
    bytes_in = int(records["caplen"].sum())
    runs = [
        Run("network_decode", lambda: network.totals(data, records), bytes_in, len(records)),
        Run("C by hand", by_hand, bytes_in, len(records)),
    ]
    contest(f"frames to segments: {name}", runs, roofs=["C by hand"])


def bench_other_headers(contest):
    runs = []
    for name, (data, records) in corpora().items():
        network = Network()
        assert network.totals(data, records)[0] == len(records)
        call = partial(network.totals, data, records)
        runs.append(Run(name, call, int(records["caplen"].sum()), len(records)))
    contest("frames to segments: what other headers cost", runs)


def in_order(body: bytes, size: int) -> list[bytes]:
    return [f.ethernet(datagram) for datagram in f.ipv4_fragments(body, size, protocol=17)]


def bench_fragments(contest):
    """Two to a datagram, and the worst there is: the cost stays that of the bytes."""
    usual = [
        f.ethernet(datagram)
        for number in range(64)
        for datagram in f.ipv4_fragments(
            f.udp(bytes(2952)), 1480, protocol=17, identification=number
        )
    ]
    tiny = in_order(f.udp(bytes(65000)), 8)
    corpora = {
        "two to a datagram": (*laid_out(usual, 128 * 200, 1536), 64 * 200),
        "8 bytes each, in order": (*laid_out(tiny, len(tiny) * 4, 64), 4),
        "8 bytes each, backwards": (*laid_out(tiny[::-1], len(tiny) * 4, 64), 4),
        "first fragments only, 10^5": (*bomb(100_000), 0),
        "first fragments only, 10^6": (*bomb(1_000_000), 0),
    }
    runs = []
    for name, (data, records, datagrams) in corpora.items():
        network = Network()
        assert network.totals(data, records)[0] == datagrams
        call = partial(network.totals, data, records)
        runs.append(Run(name, call, int(records["caplen"].sum()), len(records)))
    contest("fragments", runs)
