"""Pages of the tables that are no messages, and of the views over all of them."""

from __future__ import annotations

from collections.abc import Iterator

from mmscodec.schema import mms
from mmscodec.schema.winmx import PACKETS
from mmscodec.sql.views import VIEWS
from mmscodec.tables import Table
from mmscodec.tables.data import Type
from tools.docs.markdown import cell, code, fenced, table

#: Types of Arrow by their letters in its C data interface.
TYPES = {
    "b": "bool", "c": "int8", "C": "uint8", "s": "int16", "S": "uint16", "i": "int32",
    "I": "uint32", "l": "int64", "L": "uint64", "f": "float", "g": "double", "u": "string",
    "z": "binary", "vz": "binary view", "tsn:UTC": "timestamp\\[ns, UTC]", "tDn": "duration\\[ns]",
}  # fmt: skip
_UNITS = {"tsn:UTC": "ns since 1970", "tDn": "ns"}


def type_name(kind: Type) -> str:
    """A type in Arrow's words."""
    if kind.dictionary is not None:
        return f"{type_name(kind.dictionary)}, dictionary"
    inside = [f"{name}: {type_name(child)}" for name, child in kind.children]
    if kind.format == "+l":
        return f"list of {type_name(kind.children[0][1])}"
    if kind.format == "+s":
        return "struct of " + ", ".join(inside)
    return TYPES[kind.format]


def columns(items: Table) -> str:
    """Every column of a table: type, unit, what it is."""
    rows = []
    for c in items.columns:
        unit = c.about.get("unit") or _UNITS.get(c.type.format, "")
        words = (unit, c.about.get("description", ""), c.about.get("section", ""))
        rows.append([code(c.name), type_name(c.type), *map(cell, words)])
    used = [n for n in range(5) if n < 4 or any(row[4] for row in rows)]
    heads = ("column", "type", "unit", "is", "section")
    return table([heads[n] for n in used], [[row[n] for n in used] for row in rows])


def is_message(name: str) -> bool:
    """Whether a table is that of a message or packet, which has a page of its own."""
    named = {item.name for item in (*mms.MESSAGES, *PACKETS, mms.RESEND)}
    return name in named


def table_pages(tables: dict[str, Table]) -> Iterator[tuple[str, str]]:
    """Pages of the tables that every capture has, and their index."""
    names = [name for name in tables if not is_message(name)]
    rows = [
        [f"[`{name}`](tables/{name}.md)", ", ".join(code(c) for c in tables[name].column_names)]
        for name in names
    ]
    yield (
        "tables",
        "# Tables and columns\n\nEvery capture has these tables, and one for each "
        "[message of MMS](mms.md) and [packet of WinMX](winmx.md); their columns stand on the "
        "pages of those. What all tables have in common, what is null, and how they reach pandas, "
        "Polars, DuckDB and Parquet: [Tables](../tables.md).\n\n"
        + table(("table", "columns"), rows),
    )  # fmt: skip
    for name in names:
        yield (
            f"tables/{name}",
            f'# {name}\n\n`cap.table("{name}")`, in SQL `{name}`. '
            f"A row that is a row of another table is counted from 0.\n\n{columns(tables[name])}",
        )


def title(view: str) -> str:
    """The heading of a view: `top_talkers` -> `Top talkers`."""
    return view.replace("_", " ").capitalize()


def anchor(view: str) -> str:
    """The anchor of that heading."""
    return view.replace("_", "-")


def view_page() -> str:
    """The views of `mmscodec sql` with their queries."""
    parts = [
        f"## {title(name)}\n\n{view.note[:1].upper()}{view.note[1:]}: "
        f'`mmscodec sql "from {name}" FILE`. The same in pandas and Polars: '
        f"[cookbook](../cookbook.md#{anchor(name)}).\n\n{fenced(view.query, 'sql')}"
        for name, view in VIEWS.items()
    ]
    return (
        "# Views\n\nQuestions that `mmscodec sql` has an answer to under a name, and the query "
        "behind each.\n\n" + "\n".join(parts)
    )
