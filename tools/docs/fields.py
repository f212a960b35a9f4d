"""Structures of the schema as Markdown: fields, the columns that they become, values by name."""

from __future__ import annotations

from collections.abc import Mapping

from mmscodec.schema.fields import Field, Struct
from mmscodec.schema.winmx.base import Part
from tools.docs.markdown import cell, code, table

HEADS = ("offset", "type", "field", "column", "unit", "rule", "meaning")
_KINDS = {"ansi": "text", "cstr": "text up to 00", "quoted": "text up to a quotation mark"}

_ENDS = {
    "": "", "counted": "NUL included", "first": "up to a NUL",
    "strings": "one to three strings with a NUL each",
}  # fmt: skip


def type_of(field: Field) -> str:
    """Kind, and size where it is not plain: `u32`, `utf16`, `ansi x 16`, `Node ...`."""
    if field.struct is not None:
        return f"{field.struct.name}{'' if field.kind == 'struct' else ', repeated'}"
    if isinstance(field, Part) and field.kind in _KINDS:
        return _KINDS[field.kind]
    if field.kind in ("ansi", "bytes") and field.size:
        return f"{field.kind} x {field.size}"
    return field.kind


def extent(field: Field) -> str:
    """Where a field of variable length ends, or when a field is there at all."""
    words = []
    if isinstance(field, Part):
        if field.when:
            equals = f"not 0 or {field.equals}" if field.otherwise else f"= {field.equals}"
            plain = field.when.startswith("has_")
            words.append("there with " + field.when[4:] if plain else f"if {field.when} {equals}")
        if field.count:
            words.append(f"as many bytes as `{field.count}` says")
        elif field.kind in ("bytes", "array", "ansi") and not field.size:
            words.append("to the end")
    elif field.variable:
        unit = "" if field.count_unit == 1 else f" x {field.count_unit}"
        words.append(f"{field.count}{unit} bytes" if field.count else "to the end")
        words += [f"from `{field.start}`"] * bool(field.start)
        words += [_ENDS[field.nul]] * bool(field.nul)
    if field.optional:
        words.append("may be missing")
    if field.needs_chunk_len:
        words.append(f"there if chunkLen is at least {field.needs_chunk_len}")
    return ", ".join(words)


def meaning(field: Field) -> str:
    """Note, extent, and how many values have names."""
    parts = [cell(field.note), extent(field)]
    if field.values:
        parts.append("[values by name](#values-by-name)")
    if field.secret:
        parts.append("may hold credentials: hidden unless asked for")
    return "; ".join(part for part in parts if part)


def rows(struct: Struct) -> list[list[str]]:
    """A row for each field."""
    found = []
    for field in struct.fields:
        place = "" if field.offset is None or isinstance(field, Part) else str(field.offset)
        rule = "" if field.rule is None else cell(field.rule.text())
        found.append(
            [place, type_of(field), code(field.name), code(field.python_name), cell(field.unit),
             rule, meaning(field)]
        )  # fmt: skip
    return found


def fields(struct: Struct) -> str:
    """All fields as a table, without columns that are empty."""
    body = rows(struct)
    if not body:
        return "No fields.\n"
    used = [n for n in range(len(HEADS)) if any(row[n] for row in body)]
    return table([HEADS[n] for n in used], [[row[n] for n in used] for row in body])


def hexadecimal(value: int) -> str:
    """A number of the wire, as the specification writes those that are no counts."""
    return f"0x{value:08X}" if value > 255 else str(value)


def values(named: Mapping[int, str]) -> str:
    """Numbers and their names."""
    return table(
        ("value", "name"), [[code(hexadecimal(n)), cell(text)] for n, text in named.items()]
    )


def values_of(struct: Struct) -> str:
    """The section "Values by name" of a structure; empty where no field has any."""
    both = (struct, *inner(struct))
    parts = [f"`{f.name}`\n\n{values(f.values)}" for s in both for f in s.fields if f.values]
    return "## Values by name\n\n" + "\n".join(parts) if parts else ""


def inner(struct: Struct) -> list[Struct]:
    """Structures that its fields are made of, at any depth, each once."""
    found: list[Struct] = []
    for field in struct.fields:
        if field.struct is not None:
            found += [item for item in (field.struct, *inner(field.struct)) if item not in found]
    return found
