"""Structures of the schema as Lua tables, which lua/common.lua walks.

Keys of a structure: `n` name, `s` section, `m` bytes that must be there, `z` size of the fixed
part; its fields stand in order. Keys of a field: `p` number of its ProtoField, `k` kind, `z` size,
`o` offset, `n` name, `c` and `u` name of its count and bytes of a unit of it, `b` name of the field
that says where it begins, `t` how text ends, `y` optional, `l` least chunkLen, `f` bits, `i`
structure of an item or of the field itself; `w`, `e`, `x` the field that says whether it is there,
the value for that, or any other one.
"""

from __future__ import annotations

from mmscodec.schema.fields import Field, Struct
from mmscodec.wireshark.fields import FieldTable, lua


def structure(table: FieldTable, struct: Struct, prefix: str = "") -> str:
    """A structure with its fields."""
    fields = ",".join(_field(table, struct, field, prefix) for field in struct.fields)
    size = getattr(struct, "min_size", struct.fixed_size)
    head = f"n={lua(struct.name)},s={lua(struct.section)},m={size},z={struct.fixed_size}"
    title = getattr(struct, "title", "")
    return f"{{{head}{f',d={lua(title)}' if title else ''},{fields}}}"


def _field(table: FieldTable, struct: Struct, field: Field, prefix: str) -> str:
    keys = {"k": lua(field.kind), "n": lua(field.python_name)}
    if field.struct is not None:
        inner = f"{prefix}{field.python_name}."
        keys["i"] = structure(table, field.struct, inner)
        keys["d"] = lua(field.name)
    else:
        keys["p"] = str(table.number(struct, field, prefix))
    if field.size is not None:
        keys["z"] = str(field.size)
    if field.offset is not None:
        keys["o"] = str(field.offset)
    for key, name in (("c", field.count), ("b", field.start), ("w", getattr(field, "when", ""))):
        if name:
            keys[key] = lua(_python_name(struct, name))
    if field.count:
        keys["u"] = str(field.count_unit)
    if field.nul:
        keys["t"] = lua(field.nul)
    if field.optional:
        keys["y"] = "1"
    if field.needs_chunk_len:
        keys["l"] = str(field.needs_chunk_len)
    if field.flags:
        keys["f"] = "{" + ",".join(map(str, table.bits(struct, field, prefix))) + "}"
    if getattr(field, "otherwise", False):
        keys["x"] = "1"
    if getattr(field, "equals", 0):
        keys["e"] = str(getattr(field, "equals", 0))
    return "{" + ",".join(f"{key}={value}" for key, value in keys.items()) + "}"


def _python_name(struct: Struct, name: str) -> str:
    return next((f.python_name for f in struct.fields if f.name == name), name)
