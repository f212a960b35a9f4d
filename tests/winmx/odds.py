"""How often the first bytes of something else are taken for those of WinMX: measured.

python -m tests.winmx.odds [MILLIONS [SEED]]   prints the table of docs/spec/winmx.md

Blocks of 16 bytes of every kind below are judged as the first bytes of a client whose server says
nothing, as those of a server (behind 0x31) and of a peer cache (behind 0x38) whose client says
nothing, and two of them as both sides of a connection.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np

JUDGED = ("client", "server", "cache", "both sides")
LETTERS = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz0123456789-_./%?=&", np.uint8)
PROSE = np.frombuffer(b"etaoin shrdlu cmfwyp vbgkjqxz,.\r\nETAOIN", np.uint8)


def random(rng: np.random.Generator, count: int) -> np.ndarray:
    """Bytes as a cipher or a compressor gives them."""
    return np.frombuffer(rng.bytes(16 * count), np.uint8).reshape(count, 16)


def begun(rng: np.random.Generator, count: int, heads: list[bytes], rest: np.ndarray) -> np.ndarray:
    """One of these beginnings, then characters of `rest`."""
    out = rest[rng.integers(0, len(rest), (count, 16))]
    which = rng.integers(0, len(heads), count)
    for number, head in enumerate(heads):
        out[which == number, : len(head)] = np.frombuffer(head[:16], np.uint8)
    return out


def http(rng: np.random.Generator, count: int) -> np.ndarray:
    """Requests and responses of HTTP."""
    heads = [b"GET /", b"POST /", b"HEAD /", b"HTTP/1.1 200 ", b"HTTP/1.0 30", b"CONNECT ",
             b"GET http://", b"OPTIONS "]  # fmt: skip
    return begun(rng, count, heads, LETTERS)


def tls(rng: np.random.Generator, count: int) -> np.ndarray:
    """ClientHello, ServerHello, alerts and data of TLS 1.0 to 1.3."""
    out = random(rng, count).copy()
    out[:, 0] = rng.choice([0x16, 0x16, 0x16, 0x15, 0x17], count)
    out[:, 1], out[:, 2] = 3, rng.integers(0, 4, count)
    out[:, 3] = rng.integers(0, 3, count)
    hello = out[:, 0] == 0x16
    out[hello, 5] = rng.integers(1, 3, hello.sum())
    out[hello, 6] = 0
    out[hello, 9], out[hello, 10] = 3, rng.integers(0, 4, hello.sum())
    return out


def zeros(rng: np.random.Generator, count: int) -> np.ndarray:
    """Nearly nothing but zeros: up to four bytes of numbers among them."""
    out = np.zeros((count, 16), np.uint8)
    rows = np.arange(count)
    for _ in range(4):
        out[rows, rng.integers(0, 16, count)] = rng.integers(0, 256, count)
    return out


def text(rng: np.random.Generator, count: int) -> np.ndarray:
    """Prose and lines of commands."""
    return begun(rng, count, [b"", b"USER ", b"220 ", b"EHLO ", b"* OK ", b"+OK "], PROSE)


KINDS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "random": random, "HTTP": http, "TLS": tls, "zeros": zeros, "text": text,
}  # fmt: skip


def counted(blocks: np.ndarray) -> np.ndarray:
    """Of blocks of 16 bytes: how many there are, how often each of `JUDGED`, transfers."""
    from tests.bindings.odds import judge_many

    counts = np.zeros(6, np.uint64)
    judge_many(np.ascontiguousarray(blocks).reshape(-1), counts)
    return counts


def measure(kind: str, count: int, seed: int) -> np.ndarray:
    """The same of `count` blocks of a kind."""
    rng = np.random.default_rng([seed, list(KINDS).index(kind)])
    sizes = [min(1 << 18, count - at) for at in range(0, count, 1 << 18)]
    return sum((counted(KINDS[kind](rng, size)) for size in sizes), np.zeros(6, np.uint64))


def main() -> None:
    """Print the table."""
    words = [*sys.argv[1:], *("67", "2026")[len(sys.argv) - 1 :]]
    millions, seed = map(int, words)
    print("| first bytes | trials | " + " | ".join(JUDGED) + " |")
    print("|---|---|" + "---|" * len(JUDGED))
    for kind in KINDS:
        counts = measure(kind, millions * 10**6, seed).tolist()
        print(f"| {kind} | {counts[0]:,} | " + " | ".join(map(str, counts[1:5])) + " |", flush=True)


if __name__ == "__main__":
    main()
