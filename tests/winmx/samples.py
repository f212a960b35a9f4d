"""Fields for every packet, by hypothesis from the schema."""

from __future__ import annotations

from hypothesis import strategies as st

from mmscodec.schema.winmx import PACKETS

KNOWN = [
    item
    for item in PACKETS
    if item.known and item.name not in ("NodeList", "CacheList") and item.link != "transfer"
]
_TEXT = st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=20)


def value(part):
    if part.kind in ("cstr", "ansi"):
        return _TEXT
    if part.kind == "bytes":
        size = part.size
        return st.binary(min_size=size or 0, max_size=20 if size is None else size)
    if part.kind == "array":
        return st.lists(items(part.struct.fields), max_size=4)
    return st.integers(0, (1 << 8 * part.size) - 1)


@st.composite
def items(draw, parts):
    return {part.name: draw(value(part)) for part in parts}


@st.composite
def packet_fields(draw, item):
    """Keyword fields of one packet, optional ones now and then left out."""
    fields = {}
    metadata = draw(st.sampled_from([0, 11, 3]))
    stop = False
    for part in item.fields:
        if part.name == "metadata_length":
            fields[part.name] = metadata
        elif part.name in ("payload_length", "payload_type", "type"):
            continue  # they say what the packet is
        elif part.name == "metadata_unknown":
            if metadata == 3:
                fields[part.name] = draw(st.binary(min_size=3, max_size=3))
        elif getattr(part, "when", "").startswith("has_"):
            if part.when[4:] in fields:
                fields[part.name] = draw(value(part))
        elif getattr(part, "when", "") == "metadata_length":
            if metadata == 11:
                fields[part.name] = draw(value(part))
        elif part.optional:
            stop = stop or draw(st.booleans())
            if not stop:
                fields[part.name] = draw(value(part))
        else:
            fields[part.name] = draw(value(part))
    return fields


def least(item):
    """The fewest fields that `encode` takes: fixed values for all that must be there."""
    fields = {}
    for part in item.fields:
        if part.optional or getattr(part, "when", "") or part.name in (
            "payload_length", "payload_type", "type"
        ):  # fmt: skip
            continue
        if part.kind in ("cstr", "ansi"):
            fields[part.name] = f"<{part.name}>"
        elif part.kind == "bytes":
            fields[part.name] = bytes(range(part.size or 3))
        elif part.kind == "array":
            fields[part.name] = []
        else:
            fields[part.name] = 0 if part.name == "metadata_length" else 1
    return fields
