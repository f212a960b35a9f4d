"""WinMX in plain Python: the notes word for word, slow and short."""

from __future__ import annotations

import struct
from pathlib import Path

TABLES = Path(__file__).resolve().parents[2] / "tools" / "winmx_tables.txt"


def tables() -> dict[str, bytes]:
    found = {}
    for block in TABLES.read_text().split("\n[")[1:]:
        head, _, body = block.partition("\n")
        found[head.partition("]")[0]] = bytes.fromhex(body)
    return found


T = tables()
INVERSE = {name: bytes(sorted(range(256), key=table.__getitem__)) for name, table in T.items()}


def frames(data: bytes) -> tuple[list[tuple[int, int, bytes]], int]:
    """(offset, type, data) of every whole frame, and where the first unfinished one begins."""
    found, at = [], 0
    while len(data) - at >= 4:
        kind, length = struct.unpack_from("<HH", data, at)
        if len(data) - at - 4 < length:
            break
        found.append((at, kind, data[at + 4 : at + 4 + length]))
        at += 4 + length
    return found, at


def nodes(data: bytes) -> list[tuple]:
    """packet, record, current, ip, udp, tcp, primary, secondary, x, reserved of every record."""
    rows = []
    for packet, (_, kind, body) in enumerate(frames(data)[0]):
        if kind == 0x03A1:
            for record in range(len(body) // 12):
                ip = struct.unpack_from(">I", body, 12 * record)
                rest = struct.unpack_from("<HHBBBB", body, 12 * record + 4)
                rows.append((packet, record, record == 0, *ip, *rest))
    return rows


def step(k: list[int], c: int) -> None:
    k[0] = (k[0] + k[1]) & 255
    k[1] ^= k[3]
    k[2] = (k[2] + T["T4"][c]) & 255
    k[3] ^= k[2]
    for i in (1, 2, 3):
        k[i] = (k[i] + 1) & 255


def encipher(state: bytes, plain: bytes) -> tuple[bytes, bytes]:
    k, out = list(state), bytearray()
    for p in plain:
        c = (
            k[1] ^ INVERSE["T2"][p],
            k[1] ^ INVERSE["T6"][p],
            INVERSE["T0"][k[0] ^ p],
            INVERSE["T6"][k[3] ^ p],
        )[k[2] % 4]
        out.append(c)
        step(k, c)
    return bytes(out), bytes(k)


def decipher(state: bytes, cipher: bytes) -> tuple[bytes, bytes]:
    k, out = list(state), bytearray()
    for c in cipher:
        out.append(
            (T["T2"][k[1] ^ c], T["T6"][k[1] ^ c], k[0] ^ T["T0"][c], k[3] ^ T["T6"][c])[k[2] % 4]
        )
        step(k, c)
    return bytes(out), bytes(k)


def udp_encipher(plain: bytes) -> bytes:
    a, n = bytearray(plain), len(plain)
    for i in range(1, 17 * n):
        key = T["U1"][T["U0"][(i - 1) % 256] ^ a[(i - 1) % n]]
        a[i % n] = INVERSE["U2"][a[i % n]] ^ key
    return bytes(a)


def cache_encipher(records: bytes, start: bytes) -> bytes:
    k, out = list(start), bytearray()
    for at in range(0, len(records), 12):
        for j in range(12):
            p = records[at + j]
            c = (p + k[j]) & 255 if j in (0, 1, 3, 7, 9, 10) else p ^ k[j]
            out.append(c)
            k[j] = T[f"F{j}"][c]
    return bytes(out)


def file_hash(data: bytes) -> bytes:
    block = 131072
    jump = max(5, len(data) // block // 10)
    h, start = [0] * 16, 0
    while True:
        piece = data[start : start + block]
        b, n = 0xC9, 0
        for at in range(0, max(len(piece) - 16, 0), 16):
            for i in range(16):
                h[i] = (h[i] + piece[at + i]) & 255
            h[0] ^= b
            for i in range(1, 16):
                h[i] ^= h[i - 1]
            b = (n + h[15]) & 255
            b = (b << 1 | b >> 7) & 255
            n = (n + 1) & 255
        if len(piece) < block:
            return bytes(h)
        start += jump * block
