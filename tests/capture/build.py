"""Captures made by hand: every variant of pcap and pcapng, every compression.

A frame is (time in ns, bytes) or (time, bytes, length on the wire).
"""

import bz2
import gzip
import lzma
import struct
from pathlib import Path

ROOT = Path(__file__).parents[2]
MICRO, NANO, MODIFIED = 0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34


def frames(count=5, size=60, start=1_700_000_000_000_000_000, step=1_000_000):
    """Frames of different lengths and contents, a `step` of ns apart."""
    return [
        (start + i * step, bytes((i * 7 + j) & 0xFF for j in range(size + i))) for i in range(count)
    ]


def parts(frame):
    time, data, *rest = frame
    return time, data, rest[0] if rest else len(data)


def pcap_header(order="<", magic=MICRO, version=(2, 4), snaplen=65535, linktype=1):
    return struct.pack(order + "IHHiIII", magic, *version, 0, 0, snaplen, linktype)


def pcap_record(frame, order="<", magic=MICRO, swapped_lengths=False):
    time, data, wire_len = parts(frame)
    sub = time % 10**9 // (1 if magic == NANO else 1000)
    lengths = (wire_len, len(data)) if swapped_lengths else (len(data), wire_len)
    extra = struct.pack(order + "IHBx", 7, 8, 1) if magic == MODIFIED else b""
    return struct.pack(order + "IIII", time // 10**9, sub, *lengths) + extra + data


def pcap(items, order="<", magic=MICRO, version=(2, 4), snaplen=65535, linktype=1):
    swapped = version < (2, 3)
    return pcap_header(order, magic, version, snaplen, linktype) + b"".join(
        pcap_record(item, order, magic, swapped) for item in items
    )


# ---- pcapng


def option(code, value, order="<"):
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def block(kind, body, order="<", length=None, tail=None):
    body += bytes(-len(body) % 4)
    size = len(body) + 12
    head = struct.pack(order + "II", kind, size if length is None else length)
    return head + body + struct.pack(order + "I", size if tail is None else tail)


def section(order="<", options=b"", version=(1, 0), length=-1):
    body = struct.pack(order + "IHHq", 0x1A2B3C4D, *version, length)
    return block(0x0A0D0D0A, body + options, order)


def interface(order="<", linktype=1, snaplen=0, options=b"", tsresol=None, tsoffset=None):
    if tsresol is not None:
        options += option(9, bytes([tsresol]), order)
    if tsoffset is not None:
        options += option(14, struct.pack(order + "q", tsoffset), order)
    return block(1, struct.pack(order + "HHI", linktype, 0, snaplen) + options, order)


def enhanced(frame, order="<", number=0, options=b"", ticks=None):
    time, data, wire_len = parts(frame)
    ticks = time // 1000 if ticks is None else ticks
    head = struct.pack(
        order + "IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(data), wire_len
    )
    return block(6, head + data + bytes(-len(data) % 4) + options, order)


def obsolete(frame, order="<", number=0, options=b""):
    time, data, wire_len = parts(frame)
    ticks = time // 1000
    head = struct.pack(
        order + "HHIIII", number, 3, ticks >> 32, ticks & 0xFFFFFFFF, len(data), wire_len
    )
    return block(2, head + data + bytes(-len(data) % 4) + options, order)


def simple(frame, order="<"):
    _, data, wire_len = parts(frame)
    return block(3, struct.pack(order + "I", wire_len) + data, order)


def pcapng(items, order="<", **options):
    return (
        section(order)
        + interface(order, **options)
        + b"".join(enhanced(item, order) for item in items)
    )


# ---- every way to write the same frames


def files(items):
    """{name: bytes of a file that holds `items`}, all variants of both formats."""
    made = {}
    for end, order in (("le", "<"), ("be", ">")):
        for name, magic in (("us", MICRO), ("ns", NANO), ("modified", MODIFIED)):
            made[f"pcap-{name}-{end}"] = pcap(items, order, magic)
        for version in ((2, 2), (2, 3)):
            made[f"pcap-2.{version[1]}-{end}"] = pcap(items, order, version=version)
        made[f"pcapng-{end}"] = pcapng(items, order)
        made[f"pcapng-obsolete-{end}"] = (
            section(order) + interface(order) + b"".join(obsolete(item, order) for item in items)
        )
        half = len(items) // 2
        other = ">" if order == "<" else "<"
        made[f"pcapng-sections-{end}"] = pcapng(items[:half], order) + pcapng(items[half:], other)
        made[f"pcap-twice-{end}"] = pcap(items[:half], order) + pcap(items[half:], other, NANO)
    return made


def compressors():
    """{name: function}, those that the interpreter has."""
    made = {"gzip": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}
    try:
        import lz4.frame

        made["lz4"] = lz4.frame.compress
    except ImportError:
        pass
    try:
        from compression import zstd
    except ImportError:
        try:
            from backports import zstd
        except ImportError:
            return made
    made["zstd"] = zstd.compress
    return made


COMPRESSORS = compressors()
