"""Tables as Spark can hold them: it has no unsigned numbers, nanoseconds or dictionaries."""

from __future__ import annotations

from typing import Any

from mmscodec.convert.library import pyarrow

#: Types of Arrow that Spark has or that become wider, and their names in DDL.
_SAME = {
    "bool": ("bool", "boolean"),
    "int8": ("int8", "tinyint"),
    "int16": ("int16", "smallint"),
    "int32": ("int32", "int"),
    "int64": ("int64", "bigint"),
    "uint8": ("int16", "smallint"),
    "uint16": ("int32", "int"),
    "uint32": ("int64", "bigint"),
    "float": ("float32", "float"),
    "double": ("float64", "double"),
    "string": ("string", "string"),
    "binary": ("binary", "binary"),
}
_PART = "partition"


def _type(kind: Any) -> tuple[Any, str]:
    # the type that a column gets, and its DDL
    pa = pyarrow()
    if pa.types.is_dictionary(kind):
        return _type(kind.value_type)
    if pa.types.is_list(kind):
        inner, ddl = _type(kind.value_type)
        return pa.list_(inner), f"array<{ddl}>"
    if pa.types.is_struct(kind):
        made = [(kind.field(i).name, *_type(kind.field(i).type)) for i in range(kind.num_fields)]
        types = pa.struct([(name, inner) for name, inner, _ in made])
        return types, f"struct<{', '.join(f'`{name}`: {ddl}' for name, _, ddl in made)}>"
    if pa.types.is_fixed_size_binary(kind):
        return pa.binary(), "binary"
    if pa.types.is_uint64(kind):
        return pa.decimal128(20, 0), "decimal(20,0)"
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", "UTC"), "timestamp"
    if pa.types.is_duration(kind):
        return pa.int64(), "bigint"
    name, ddl = _SAME[str(kind)]
    return getattr(pa, {"bool": "bool_"}.get(name, name))(), ddl


def _columns(schema: Any) -> list[tuple[str, int, Any, str]]:
    # (name, column that it comes from, type, DDL)
    pa = pyarrow()
    made = []
    for at, field in enumerate(schema):
        kind, ddl = _type(field.type)
        if not pa.types.is_duration(field.type):
            made.append((field.name, at, kind, ddl))
        if pa.types.is_duration(field.type) or pa.types.is_timestamp(field.type):
            made.append((f"{field.name}_ns", at, pa.int64(), "bigint"))
    return made


def ddl(schema: Any) -> str:
    """The schema of a table in Spark, as DDL; `schema` is that of Arrow.

    A time is there twice, as a timestamp, which ends at microseconds in Spark, and behind it as
    nanoseconds since 1970; a duration is nanoseconds. Their names end in `_ns`. In front of all
    columns is `partition`, which together with `flow` names a flow.
    """
    columns = [(_PART, "int"), *((name, ddl) for name, _, _, ddl in _columns(schema))]
    return ", ".join(f"`{name}` {ddl}" for name, ddl in columns)


def converted(batch: Any, part: int) -> Any:
    """A record batch of a table as one of that schema."""
    pa = pyarrow()
    names, arrays = [_PART], [pa.array([part] * len(batch), pa.int32())]
    for name, at, kind, _ in _columns(batch.schema):
        names.append(name)
        arrays.append(batch.column(at).cast(kind, safe=False))
    return pa.record_batch(arrays, names=names)


def plain_ddl(schema: Any) -> str:
    """DDL of a schema that has nothing but types of Spark."""
    return ", ".join(f"`{field.name}` {_type(field.type)[1]}" for field in schema)
