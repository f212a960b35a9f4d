"""Write docs/mms.ksy from the schema: MMS over TCP for Kaitai Struct, which makes parsers of it.

`python tools/gen_ksy.py`; a test fails where it was forgotten.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "docs" / "mms.ksy"
_NUMBERS = {"u8": "u1", "u16": "u2", "u32": "u4", "u64": "u8", "i16": "s2", "f64": "f8"}
_HEAD = 8  # bytes of chunkLen and MID, which stand in front of the body
_TITLE = "Microsoft Media Server (MMS) Protocol, one direction of a TCP connection"
_NOTE = (
    "Made from the schema of mmscodec by tools/gen_ksy.py. It reads whole, undamaged streams, like "
    "those of `mmscodec export --format raw`; it looks for nothing behind damage and hides no "
    "credentials."
)


def schema() -> Any:
    """The schema of MMS."""
    from mmscodec.schema import mms

    return mms


def identifier(name: str) -> str:
    """A name as Kaitai has it."""
    from mmscodec.schema.fields import snake_case

    return snake_case(name)


def described(item: Any) -> dict[str, str]:
    """What the schema says of a field."""
    words = [item.note, f"unit: {item.unit}" if item.unit else ""]
    if item.rule is not None:
        words.append(item.rule.text())
    text = "; ".join(word for word in words if word)
    return {"-orig-id": item.name} | ({"doc": text} if text else {})


def extent(item: Any) -> dict[str, Any]:
    """How long a field of variable length is."""
    if not item.count:
        return {"size-eos": True}
    count = identifier(item.count)
    return {"size": count if item.count_unit == 1 else f"{count} * {item.count_unit}"}


def attribute(item: Any) -> dict[str, Any]:
    """A field in a sequence."""
    out: dict[str, Any] = {"id": item.python_name}
    if item.kind in _NUMBERS:
        out["type"] = _NUMBERS[item.kind]
    elif item.kind == "struct":
        out["type"] = identifier(item.struct.name)
    elif item.kind == "array":
        out["type"] = identifier(item.struct.name) if item.struct is not None else "u4"
        out |= {"repeat": "expr", "repeat-expr": identifier(item.count)}
    elif item.size is not None:
        out["size"] = item.size
    elif item.kind == "utf16":
        out |= {"type": "str", "encoding": "UTF-16LE"} | extent(item)
    else:
        out |= extent(item)
    if item.needs_chunk_len:
        out["if"] = f"_parent.chunk_len >= {item.needs_chunk_len}"
    return out | described(item)


def structure(struct: Any, skip: int = 0) -> dict[str, Any]:
    """A type: fields in wire order, and those whose place a field says as instances."""
    seq, instances = [], {}
    for item in struct.fields[2:] if skip else struct.fields:
        made = attribute(item)
        if item.start:
            made.pop("id")
            place = f"{struct.fixed_size - skip} + {identifier(item.start)}"
            instances[item.python_name] = {"pos": place} | made
        else:
            seq.append(made)
    out: dict[str, Any] = {"doc": f"[MS-MMSP] {struct.section}"}
    if struct.note:
        out["doc"] += f": {struct.note}"
    if seq:
        out["seq"] = seq
    return out | ({"instances": instances} if instances else {})


def described_format() -> dict[str, Any]:
    """The whole description."""
    mms = schema()
    header, data = structure(mms.TCP_MESSAGE_HEADER), structure(mms.DATA_PACKET)
    header["seq"][-1] = {
        "id": "messages", "type": "messages", "size": "message_length - 16",
    }  # fmt: skip
    data["seq"][-1] = {"id": "payload", "size": "packet_size - 8"}
    types = {
        "packet": {
            "seq": [{"id": "body", "type": {
                "switch-on": "session_id",
                "cases": {hex(mms.SESSION_ID): "tcp_message_header", "_": "data"},
            }}],
            "instances": {"session_id": {"pos": "_io.pos + 4", "type": "u4"}},
        },
        "tcp_message_header": header, "data": data,
        "messages": {"seq": [{"id": "items", "type": "message", "repeat": "eos"}]},
        "message": {"seq": [
            {"id": "chunk_len", "type": "u4", "doc": "in units of 8 bytes, these included"},
            {"id": "mid", "type": "u4"},
            {"id": "body", "size": f"chunk_len * 8 - {_HEAD}", "type": {
                "switch-on": "mid",
                "cases": {hex(one.mid): identifier(one.name) for one in mms.MESSAGES},
            }},
        ]},
    }  # fmt: skip
    types |= {identifier(one.name): structure(one, _HEAD) for one in mms.MESSAGES}
    others = (one for name, one in mms.STRUCTS.items() if identifier(name) not in types)
    types |= {identifier(one.name): structure(one) for one in others}
    return {
        "meta": {"id": "mms", "title": _TITLE, "license": "Apache-2.0", "endian": "le"},
        "doc": _NOTE,
        "seq": [{"id": "packets", "type": "packet", "repeat": "eos"}],
        "types": types,
    }


def lines(value: Any, indent: str = "") -> Iterator[str]:
    """YAML of dictionaries, lists and scalars; strings as JSON has them, which YAML reads."""
    if isinstance(value, dict):
        for key, item in value.items():
            name = key if key != "_" else '"_"'
            if isinstance(item, dict | list):
                yield f"{indent}{name}:"
                yield from lines(item, indent + "  ")
            else:
                yield f"{indent}{name}: {json.dumps(item)}"
        return
    for item in value:
        first, *rest = lines(item, indent + "  ")
        yield f"{indent}- {first.lstrip()}"
        yield from rest


def text() -> str:
    """The file."""
    head = "# Generated by tools/gen_ksy.py from the schema."
    return "\n".join([head, *lines(described_format())]) + "\n"


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "src"))
    TARGET.write_text(text(), encoding="utf-8")
