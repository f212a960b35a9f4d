"""Public names of every module of the package; `python -m tests.publicnames --write` states them.

Public is what has no underscore in its path. Of a module: its `__all__`, else what it defines. Of a
class that a module with `__all__` names: what it and its bases define or set on `self`.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent / "src"
TABLE = Path(__file__).with_name("public_names.txt")
DEFS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def modules() -> Iterator[tuple[str, Path]]:
    """Dotted name and file of every module without an underscore in its path."""
    for path in sorted(SOURCE.glob("mmscodec/**/*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        if parts[-1] == "__init__":
            parts = parts[:-1]
        if not any(part.startswith("_") for part in parts):
            yield ".".join(parts), path


def bound(node: ast.stmt) -> Iterator[str]:
    """Names that a statement of a module binds; imports bring names of others, and do not count."""
    if isinstance(node, DEFS):
        yield node.name
    elif isinstance(node, ast.If):
        for inner in (*node.body, *node.orelse):
            yield from bound(inner)
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            names = target.elts if isinstance(target, ast.Tuple) else [target]
            yield from (name.id for name in names if isinstance(name, ast.Name))


def public(names: Iterator[str]) -> list[str]:
    return sorted({name for name in names if not name.startswith("_")})


def names_of(text: str) -> list[str]:
    """Public names of a module: those of `__all__`, else all that it binds without underscore."""
    body = ast.parse(text).body
    for node in body:
        if "__all__" in bound(node):
            return sorted(ast.literal_eval(node.value))
    return public(name for node in body for name in bound(node))


def set_on_self(class_: type) -> Iterator[str]:
    """Attributes that the methods of a Python class assign."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(class_)))
    except (OSError, TypeError):  # compiled: its attributes are descriptors
        return
    for node in ast.walk(tree):
        stored = isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        if stored and isinstance(node.value, ast.Name) and node.value.id == "self":
            yield node.attr


def members_of(class_: type) -> list[str]:
    """Public attributes of a class; those of bases that are not ours are known elsewhere."""
    ours = [base for base in class_.__mro__ if base.__module__.startswith("mmscodec")]
    found = [name for base in ours for name in (*vars(base), *set_on_self(base))]
    return public(iter(found))


def every_name() -> dict[str, list[str]]:
    """By dotted name of a module or class."""
    found = {}
    for module, path in modules():
        text = path.read_text(encoding="utf-8")
        found[module] = names_of(text)
        if "__all__" not in text:
            continue
        for name in found[module]:
            class_ = getattr(import_module(module), name)
            if inspect.isclass(class_):
                found[f"{module}.{name}"] = members_of(class_)
    return found


def lines() -> list[str]:
    return [f"{name}: {' '.join(names)}".strip() for name, names in every_name().items()]


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        TABLE.write_text("\n".join(lines()) + "\n", encoding="utf-8")
    else:
        print("\n".join(lines()))
