"""Every class of the compiled modules, made without `__init__` and then used: nothing crashes.

Run as a program. With `-v` it prints what it is about to call, so that a crash has a name.
"""

import contextlib
import copy
import importlib
import pickle
import pkgutil
import sys

import mmscodec

ARGUMENTS = [
    (), (b"abc" * 50,), (0,), (-1,), (0, 1), (None,), ("S>C", b"x"), ([0], [b"x"]),
    ([0], [b"x"], None), (b"", 0), (b"x", 0, 0, 0), (b"x", 0, 0, 0, 0, 0),
]  # fmt: skip


def compiled_classes():
    """Every class of a compiled module of the package, private ones too, and their subclasses."""
    seen = set()
    for info in pkgutil.walk_packages(mmscodec.__path__, "mmscodec."):
        if info.name.endswith("__main__"):
            continue
        for value in vars(importlib.import_module(info.name)).values():
            if isinstance(value, type) and any(map(is_compiled, value.__mro__)):
                seen.add(value)
    return [*sorted(seen, key=lambda cls: (cls.__module__, cls.__qualname__)), mmscodec.Capture]


def is_compiled(cls):
    """Was it made by a compiled module of the package?"""
    file = getattr(sys.modules.get(cls.__module__), "__file__", None) or ""
    return cls.__module__.startswith("mmscodec.") and file.endswith((".so", ".pyd"))


def use(thing, verbose):
    """Call whatever can be called, with everything."""
    for name in dir(thing):
        if name.startswith("__") and name not in ("__len__", "__iter__", "__getitem__"):
            continue
        if verbose:
            print(type(thing).__module__, type(thing).__name__, name, flush=True)
        with contextlib.suppress(Exception):
            attribute = getattr(thing, name)
            if callable(attribute):
                for arguments in ARGUMENTS:
                    with contextlib.suppress(Exception):
                        attribute(*arguments)
    for act in (repr, memoryview, pickle.dumps, copy.copy, bytes, list, len, hash):
        with contextlib.suppress(Exception):
            act(thing)


def main():
    """Say how many classes there were."""
    count = 0
    for cls in compiled_classes():
        with contextlib.suppress(Exception):
            use(cls.__new__(cls), "-v" in sys.argv)
            count += 1
    print("alive", count)


if __name__ == "__main__":
    main()
