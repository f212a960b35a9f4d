"""Messages of every kind whose fields have the values at the edges of their types."""

import random

from mmscodec import mms
from mmscodec.errors import EncodeError
from mmscodec.schema.mms import BY_NAME

COUNTED = {"chunk_len", "mid", "cb_size", "packet_size", "signature"}
BITS = {"u8": 8, "u16": 16, "u32": 32, "u64": 64}
FLOATS = (0.0, -0.0, -1.0, 1e308, 5e-324, 5.5, float("inf"), float("-inf"))
TEXTS = (
    "", "a", "日本語", "=1+1", "a\u202eb", "\U0001f600", "l" * 300, " ", "-1", 'a,b"c\n', "0", "é",
)  # fmt: skip


def value(field, chance):
    if field.kind in BITS:
        most = 2 ** BITS[field.kind] - 1
        return chance.choice([0, 1, most, most - 1, most // 2, most // 2 + 1])
    if field.kind == "i16":
        return chance.choice([-1, 0, -(2**15), 2**15 - 1])
    if field.kind == "f64":
        return chance.choice(FLOATS)
    if field.kind == "ansi":
        return chance.choice(["", "a", "z" * (field.size - 1), "é"])
    if field.kind == "bytes":
        return chance.randbytes(chance.choice([0, 1, 13, 64]) if field.size is None else field.size)
    if field.kind == "utf16":
        return chance.choice(TEXTS)
    if field.kind == "struct":
        return fields(field.struct, chance)
    count = chance.choice([1, 2, 33])
    if field.struct is None:
        return [chance.randint(0, 2**32 - 1) for _ in range(count)]
    return [tuple(value(item, chance) for item in field.struct.fields) for _ in range(count)]


def fields(struct, chance):
    """Keyword fields for `mms.encode`; some that may be missing are, from one on all behind it."""
    counted = set(COUNTED)
    for field in struct.variable:
        counted.update(struct[name].python_name for name in (field.count, field.start) if name)
    out, short = {}, False
    for field in struct.fields:
        if field.python_name in counted:
            continue
        if field.needs_chunk_len:
            short = short or chance.random() < 0.5
        if (field.needs_chunk_len and short) or (field.optional and chance.random() < 0.5):
            continue
        out[field.python_name] = value(field, chance)
    return out


def stream(name, count=12):
    """So many messages of a kind that could be encoded, one behind the other."""
    chance = random.Random(name)
    out = []
    for _ in range(40 * count):
        try:
            out.append(mms.encode(name, **fields(BY_NAME[name], chance)))
        except EncodeError:  # values that exclude each other
            continue
        if len(out) == count:
            return b"".join(out)
    raise AssertionError(f"{name}: {len(out)} messages only")
