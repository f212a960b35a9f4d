"""Pages of the public names of each public module, for Sphinx's autodoc."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from tools.docs.markdown import table
from tools.docs.signatures import compiled

SOURCE = Path(__file__).resolve().parents[2] / "src"


@cache
def modules() -> list[str]:
    """Modules that are for users: those with `__all__` that people import."""
    found = []
    for path in sorted(SOURCE.glob("mmscodec/**/*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        bound = (
            target.id
            for node in ast.parse(path.read_text(encoding="utf-8")).body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        )
        if "__all__" in bound and "._" not in name:
            found.append(name)
    return found


def entry(module: str, name: str) -> str:
    """What autodoc is told about one name."""
    value = getattr(importlib.import_module(module), name)
    if inspect.ismodule(value):
        return ""
    dotted = f"{module}.{name}"
    if inspect.isclass(value):
        members = "".join(member(dotted, value, inner) for inner in members_of(value))
        return f".. autoclass:: {dotted}{compiled(value)}\n\n{members}"
    if callable(value):
        return f".. autofunction:: {dotted}{compiled(value)}\n"
    return f".. py:data:: {dotted}\n\n   {constant(value)}\n"


def constant(value: object) -> str:
    """What a name that is no function holds, in a line."""
    if isinstance(value, np.dtype):
        return "A dtype with the columns " + ", ".join(f"``{name}``" for name in value.names or ())
    if hasattr(value, "names") and hasattr(value, "types"):  # of Arrow
        return "A schema of Arrow with the columns " + ", ".join(
            f"``{name}`` ({kind})" for name, kind in zip(value.names, value.types, strict=True)
        )
    text = repr(value)
    if isinstance(value, dict | tuple) and len(text) > 300:
        return f"A {type(value).__name__} of {len(value)} entries."
    return f"``{text}``" if len(text) <= 300 else f"A {type(value).__name__}."


def members_of(value: type) -> list[str]:
    """Documented methods and properties that classes of this package define, in their order."""
    ours = [base for base in value.__mro__ if base.__module__.startswith("mmscodec")]
    found = {name: base for base in reversed(ours) for name in vars(base)}
    static = {name: inspect.getattr_static(value, name) for name in found if name[0] != "_"}
    return [
        name for name, item in static.items() if is_code(item) and inspect.getdoc(item) is not None
    ]


def is_code(item: object) -> bool:
    """Whether a member of a class is a method or a property."""
    kinds = (property, cached_property, classmethod, staticmethod)
    return isinstance(item, kinds) or inspect.isroutine(item) or inspect.isgetsetdescriptor(item)


def member(dotted: str, value: type, name: str) -> str:
    """A method or property, for autodoc."""
    item = inspect.getattr_static(value, name)
    plain = isinstance(item, property | cached_property) or inspect.isgetsetdescriptor(item)
    kind = "autoattribute" if inspect.isgetsetdescriptor(item) else "autoproperty"
    if plain:
        return f"   .. {kind}:: {dotted}.{name}\n\n"
    return f"   .. automethod:: {dotted}.{name}{compiled(item)}\n\n"


def summary(module: str) -> str:
    """The first line of a module's docstring."""
    return (inspect.getdoc(importlib.import_module(module)) or "").partition("\n")[0]


def page(module: str) -> str:
    """One module."""
    names = importlib.import_module(module).__all__
    parts = [module, "=" * len(module), "", f".. automodule:: {module}", "   :no-members:", ""]
    return "\n".join(parts) + "\n" + "\n".join(entry(module, name) for name in names)


def pages() -> Iterator[tuple[str, str]]:
    """Names and texts of all pages, the index first; the modules' are reStructuredText."""
    rows = [[f"[`{name}`](api/{name}.rst)", summary(name).replace("`", "")] for name in modules()]
    yield (
        "api",
        "# Python\n\nWhat is public; other modules are for the package itself. "
        + "Signatures of compiled functions are those of the stubs beside them.\n\n"
        + table(("module", "is"), rows),
    )  # fmt: skip
    for name in modules():
        yield f"api/{name}.rst", page(name)
