"""Tables that only captures have."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmscodec.schema.dtypes import DATA, FAULTS, MESSAGES, PACKETS, in_capture, table
from mmscodec.schema.vocabulary import DIRECTIONS, PROTOCOLS, TRANSPORTS

#: Rows of `Capture.flows`.
FLOWS = np.dtype(
    [
        ("flow", "=i4"), ("src", "U39"), ("dst", "U39"), ("src_port", "=u2"), ("dst_port", "=u2"),
        ("transport", "U3"), ("protocol", "U5"), ("direction", "U3"), ("marks", "=u2"),
        ("scope", "=u4"),
        ("peer", "=i4"), ("control", "=i4"), ("packets", "=u4"), ("gaps", "=u4"),
        ("retransmissions", "=u4"), ("faults", "=u4"), ("first_time", "=i8"),
        ("last_time", "=i8"), ("bytes", "=u8"), ("length", "=u8"), ("conflicts", "=u8"),
        ("out_of_order", "=u4"), ("zero_windows", "=u4"), ("rtt_count", "=u4"),
        ("rtt_min", "=i8"), ("rtt_max", "=i8"), ("rtt_sum", "=i8"), ("handshake", "=i8"),
    ]
)  # fmt: skip

#: What the kernel writes (flow_row_t).
RAW_FLOWS = table(
    160, src=("V16", 0), dst=("V16", 16), src_port=("u2", 32), dst_port=("u2", 34),
    transport=("u1", 36), protocol=("u1", 37), marks=("u1", 38), direction=("u1", 39),
    scope=("u4", 40), peer=("i4", 44), control=("i4", 48), packets=("u4", 52), gaps=("u4", 56),
    retransmissions=("u4", 60), first_time=("i8", 64), last_time=("i8", 72), bytes=("u8", 80),
    length=("u8", 88), conflicts=("u8", 96), extent=("u4", 104), flow=("i4", 108),
    handshake=("i8", 112), rtt_min=("i8", 120), rtt_max=("i8", 128), rtt_sum=("i8", 136),
    rtt_count=("u4", 144), zero_windows=("u4", 148), out_of_order=("u4", 152),
)  # fmt: skip

EXTENTS = table(24, offset=("i8", 0), place=("u8", 8), length=("u4", 16), before=("u4", 20))

#: Rows of `Capture.gaps`: bytes `offset` to `offset + length` of a flow are missing.
GAPS = table(
    32,
    offset=("i8", 0),
    length=("i8", 8),
    time=("i8", 16),
    flow=("i4", 24),
    reason=("u1", 28),
    direction=("u1", 29),
)

#: When the bytes of WinMX flows were there, up to `end`.
STAMPS = table(24, end=("i8", 0), time=("i8", 8), flow=("i4", 16))

#: Places from here on are in the bytes that were kept.
ARENA = 1 << 63

#: Damaged bytes of which rows were made, and where the right ones are (mended_row_t).
MENDED = table(
    48, place=("u8", 0), right=("u8", 8), copy=("u8", 16), offset=("i8", 24), flow=("i4", 32),
    length=("u4", 36), differ=("u4", 40),
)  # fmt: skip

#: Meaning of `gaps["reason"]`.
GAP_REASONS = {
    1: "acknowledged by the other side, not captured",
    2: "given up: too much waited behind it",
    3: "never captured",
    4: "cut off by the snapshot length",
    5: "sequence numbers went on far away",
    6: "flow given up: too many flows",
}

_WORDS_AT_ONCE = 1 << 16  # rows of flows

ENDED = 0x80  # in RAW_FLOWS["marks"]: nothing more will come

CAPTURE_PACKETS = in_capture(PACKETS)
CAPTURE_DATA = in_capture(DATA)
CAPTURE_FAULTS = in_capture(FAULTS)


def wider(dtype: np.dtype, itemsize: int) -> np.dtype:
    """The same columns in rows of `itemsize` bytes."""
    fields: Any = dtype.fields or {}
    return np.dtype(
        {
            "names": list(fields),
            "formats": [item[0] for item in fields.values()],
            "offsets": [item[1] for item in fields.values()],
            "itemsize": itemsize,
        }
    )


#: A message row of a capture ends with the place of its bytes among the control bytes kept.
CAPTURE_MESSAGES = wider(in_capture(MESSAGES), 48)
POSITIONS = table(48, position=("i8", 40))


_IPV4 = bytes(10) + b"\xff\xff"  # in front of an IPv4 address in IPv6


def address_text(raw: bytes) -> str:
    """Text of 16 bytes; IPv4 in IPv6 as IPv4."""
    if raw[:12] == _IPV4:
        a, b, c, d = raw[12:]
        return f"{a}.{b}.{c}.{d}"
    from ipaddress import IPv6Address

    return str(IPv6Address(raw))


def address_bytes(text: str) -> bytes:
    """16 bytes of an address in text."""
    from ipaddress import ip_address

    address = ip_address(text)
    if address.version == 4:
        return _IPV4 + address.packed
    return address.packed


def flow_table(raw: np.ndarray, faults: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """The public flows table out of the kernel's, with faults counted and directions in words."""
    out = np.zeros(len(raw), FLOWS)
    for start in range(0, len(raw), _WORDS_AT_ONCE):
        part = slice(start, start + _WORDS_AT_ONCE)
        _words(out[part], raw[part], directions[part])
    for name in FLOWS.names or ():
        if name in ("src", "dst", "faults", "transport", "protocol", "direction"):
            continue
        out[name] = raw[name]
    out["marks"] &= 15
    out["faults"] = faults_of(raw, faults)
    return out


def _words(out: np.ndarray, raw: np.ndarray, directions: np.ndarray) -> None:
    # the columns of text, of so few rows that what is made of them on the way is no matter
    ends = np.stack([raw["src"], raw["dst"]], 1).view("<u8").reshape(-1, 2)
    values, place = np.unique(ends[:, 1], return_inverse=True)
    if ends[:, 0].any():  # not IPv4 in IPv6 alone, whose first 8 bytes are 0
        known = list(dict.fromkeys(ends.view("V16").ravel().tolist()))
        numbers = {value: number for number, value in enumerate(known)}
        place = np.array([numbers[value] for value in ends.view("V16").ravel().tolist()], np.intp)
    else:
        known = [bytes(8) + value for value in values.view("V8").tolist()]
    texts = np.array([address_text(value) for value in known], out.dtype["src"])
    place = place.reshape(-1, 2)
    out["src"], out["dst"] = texts[place[:, 0]], texts[place[:, 1]]
    for name, words, codes in (
        ("transport", TRANSPORTS, raw["transport"]), ("protocol", PROTOCOLS, raw["protocol"]),
        ("direction", DIRECTIONS, directions),
    ):  # fmt: skip
        known_words = np.array([words.get(code, "") for code in range(256)], out.dtype[name])
        out[name] = known_words[codes]


def faults_of(raw: np.ndarray, faults: np.ndarray) -> np.ndarray:
    """How many faults each flow has."""
    rows = find_rows(raw["flow"], faults["flow"])
    return np.bincount(rows[rows >= 0], minlength=len(raw))


def find_rows(known: np.ndarray, flows: Any) -> np.ndarray:
    """Indices of flows in an ascending column of their numbers, -1 where one is not there."""
    flows = np.asarray(flows, np.int64)
    rows = np.searchsorted(known, flows)
    if len(known) == 0:
        return np.full(flows.shape, -1, np.int64)
    return np.where(known[np.minimum(rows, len(known) - 1)] == flows, rows, -1)
