"""What a query reads: names of tables and columns, and whether it wants all columns."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

_WORD = re.compile(r'"((?:[^"]|"")+)"|([A-Za-z_]\w*)')
_NOISE = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/", re.DOTALL)
_ALL = {"natural", "columns", "summarize", "describe", "show", "pivot", "unpivot", "table"}


class Names(NamedTuple):
    """Words of a query in lower case, and whether some of them stand for all columns."""

    words: frozenset[str]
    everything: bool


def names_of(query: str, connection: Any = None) -> Names:
    """The words of a query; a word that is no name does no harm.

    DuckDB's own parser says whether a star or the name of a table stands for all columns of one;
    where it does not take a statement, all columns are wanted.
    """
    found = _WORD.findall(_NOISE.sub(" ", query))
    words = frozenset((quoted.replace('""', '"') or word).lower() for quoted, word in found)
    if words & _ALL or connection is None:
        return Names(words, bool(words & _ALL))
    ((text,),) = connection.execute("select json_serialize_sql(?)", [query]).fetchall()
    tree = json.loads(text)
    return Names(words, bool(tree.get("error")) or _everything(tree))


def _everything(tree: Any) -> bool:
    # a star, or a row as a whole: the name of a table, or its alias, where a column could stand
    aliases: set[str] = set()
    columns: set[str] = set()
    pending = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, list):
            pending += node
        if not isinstance(node, dict):
            continue
        if node.get("class") == "STAR" or node.get("type") == "STAR":
            return True
        if node.get("type") == "BASE_TABLE":
            aliases |= {str(node.get("alias", "")).lower(), str(node["table_name"]).lower()}
        names = node.get("column_names")
        if node.get("class") == "COLUMN_REF" and names and len(names) == 1:
            columns.add(str(names[0]).lower())
        pending += node.values()
    return bool(columns & (aliases - {""}))
