"""Signatures of compiled functions, which carry none, from the stubs beside their modules."""

from __future__ import annotations

import ast
import copy
import importlib
import inspect
from functools import cache
from pathlib import Path
from typing import Any


@cache
def stub(module: str) -> dict[str, ast.FunctionDef]:
    """Functions and methods of a stub by their dotted names in it."""
    file = getattr(importlib.import_module(module), "__file__", None) or ""
    path = Path(file).parent / f"{module.rpartition('.')[2]}.pyi"
    found: dict[str, ast.FunctionDef] = {}
    if path.exists():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef):
                found[node.name] = node
            elif isinstance(node, ast.ClassDef):
                for inner in node.body:
                    if isinstance(inner, ast.FunctionDef):
                        found[f"{node.name}.{inner.name}"] = inner
    return found


def stub_less(module: str) -> bool:
    """Whether a module is Python: what it has without a signature is from another package."""
    return (getattr(importlib.import_module(module), "__file__", None) or "").endswith(".py")


def written(node: ast.FunctionDef) -> str:
    """The arguments of a function as they are written, without types and `self`."""
    arguments = copy.deepcopy(node.args)
    for group in (arguments.posonlyargs, arguments.args):
        if group and group[0].arg == "self":
            del group[0]
    for argument in ast.walk(arguments):
        if isinstance(argument, ast.arg):
            argument.annotation = None
    return f"({ast.unparse(arguments)})"


def compiled(value: Any) -> str:
    """The signature of a compiled function, method or class; nothing where Python knows it."""
    try:
        inspect.signature(
            value.__func__ if isinstance(value, classmethod | staticmethod) else value
        )
    except (TypeError, ValueError):
        pass
    else:
        return ""
    if inspect.isclass(value) and stub_less(value.__module__):
        return ""  # what it takes is for NumPy to say, whose older releases do not
    owner = value if inspect.isclass(value) else getattr(value, "__objclass__", None)
    if owner is None:
        node = stub(value.__module__ or "").get(value.__name__)
    else:
        name = "__init__" if owner is value else value.__name__
        node = stub(owner.__module__).get(f"{owner.__name__}.{name}")
    if node is None:
        raise LookupError(f"no stub says what {value!r} takes")
    return written(node)
