"""The layers of the package, enforced by reading its sources.

    errors, blocks, _signatures, _kernels  <-  schema, _block, _buffer  <-  tables, capi
        <-  mms, winmx  <-  _capi, aio, capture  <-  sessions, asf  <-  lines
        <-  convert, sql, wireshark, explain, report  <-  _facade
        <-  __init__, collect, distributed  <-  spark, cli

A file may import from its own unit and from units to its left.
"""

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src"
RANKS = {
    "errors": 0,
    "blocks": 0,
    "frozen": 0,
    "target": 0,
    "_signatures": 0,
    "_kernels": 0,
    "schema": 1,
    "_block": 1,
    "_buffer": 1,
    "_chunks": 2,
    "faulttable": 2,
    "rows": 2,
    "tables": 2,
    "capi": 2,
    "mms": 3,
    "winmx": 3,
    "_capi": 4,
    "aio": 4,
    "capture": 4,
    "sessions": 5,
    "asf": 5,
    "lines": 6,
    "convert": 7,
    "sql": 7,
    "wireshark": 7,
    "explain": 7,
    "report": 7,
    "_facade": 8,
    "__init__": 9,
    "collect": 9,
    "distributed": 9,
    "spark": 10,
    "cli": 10,
    "__main__": 11,
}
FILES = sorted(
    path.relative_to(SOURCE).as_posix()
    for path in SOURCE.glob("mmscodec/**/*")
    if path.suffix in (".py", ".pyx", ".pxd", ".pyi") and not path.name.startswith(".")
)


class Import(NamedTuple):
    module: str  # dotted, absolute
    names: tuple[str, ...]
    top: bool  # at module level, so it runs on import
    c: bool  # a cimport
    line: int


def python_imports(text: str, package: str) -> list[Import]:
    tree = ast.parse(text)
    lazy = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))
        for inner in ast.walk(node)
    }
    found = []
    for node in ast.walk(tree):
        top = id(node) not in lazy
        if isinstance(node, ast.Import):
            found += [Import(alias.name, (), top, False, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = absolute("." * node.level + (node.module or ""), package)
            names = tuple(alias.name for alias in node.names)
            found.append(Import(module, names, top, False, node.lineno))
    return found


CYTHON_FROM = re.compile(
    r"^([ \t]*)from\s+([.\w]+)\s+(c?import)\s+(\([^)]*\)|[^#\n]*)", re.MULTILINE
)
CYTHON_IMPORT = re.compile(r"^([ \t]*)(c?import)\s+([^#\n]+)", re.MULTILINE)


def cython_imports(text: str, package: str) -> list[Import]:
    found = []
    for match in CYTHON_FROM.finditer(text):
        indent, module, verb, rest = match.groups()
        names = tuple(re.findall(r"\w+", rest))
        line = text.count("\n", 0, match.start()) + 1
        found.append(Import(absolute(module, package), names, not indent, verb == "cimport", line))
    for match in CYTHON_IMPORT.finditer(text):
        indent, verb, rest = match.groups()
        line = text.count("\n", 0, match.start()) + 1
        for module in rest.split(","):
            module = absolute(module.split(" as ")[0].strip(), package)
            found.append(Import(module, (), not indent, verb == "cimport", line))
    return found


def absolute(module: str, package: str) -> str:
    dots = len(module) - len(module.lstrip("."))
    if not dots:
        return module
    parts = package.split(".")
    base = parts[: len(parts) - (dots - 1)]
    return ".".join([*base, module[dots:]]).rstrip(".")


def imports_of(name: str) -> list[Import]:
    package = ".".join(Path(name).parent.parts)
    text = (SOURCE / name).read_text(encoding="utf-8")
    reader = python_imports if name.endswith((".py", ".pyi")) else cython_imports
    return reader(text, package)


def unit_of(name: str) -> str:
    """`mms` for mmscodec/mms/_scan.pyx, `errors` for mmscodec/errors.py."""
    return Path(name).parts[1].split(".")[0]


def targets(item: Import) -> list[str]:
    """Units of the package that an import reaches."""
    if item.module == "mmscodec":
        return [name if name in RANKS else "__init__" for name in item.names] or ["__init__"]
    parts = item.module.split(".")
    return [parts[1]] if parts[0] == "mmscodec" else []


def where(name: str, item: Import) -> str:
    return f"{name}:{item.line} imports {item.module}"


@pytest.mark.parametrize("name", FILES)
def test_every_unit_stands_in_the_layer_table(name):
    assert unit_of(name) in RANKS


@pytest.mark.parametrize("name", FILES)
def test_a_file_imports_only_from_units_below_it(name):
    unit = unit_of(name)
    for item in imports_of(name):
        for target in targets(item):
            if target == unit or (target == "__init__" and item.names == ("__version__",)):
                continue
            assert RANKS[target] < RANKS[unit] or (unit, target) == ("sessions", "asf"), where(
                name, item
            )


@pytest.mark.parametrize("name", [name for name in FILES if unit_of(name) == "_kernels"])
def test_kernels_know_no_python(name):
    for item in imports_of(name):
        assert item.c, where(name, item)
        known = item.module.startswith(("libc.", "mmscodec._kernels")) or item.module == "cython"
        assert known, where(name, item)


# inside _kernels: core <- pcapfile, net, mms, winmx, asf <- track
KERNEL_RANKS = {
    "core": 0, "pcapfile": 1, "net": 1, "mms": 1, "winmx": 1, "asf": 1, "text": 1, "track": 2,
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name in FILES if unit_of(name) == "_kernels"])
def test_a_kernel_cimports_only_from_folders_below_its_own(name):
    parts = Path(name).parts
    if len(parts) == 3:
        assert parts[2] in ("__init__.py", "__init__.pxd"), f"{name} stands in no folder"
        return
    folder = parts[2]
    for item in imports_of(name):
        target = item.module.split(".")
        if target[:2] == ["mmscodec", "_kernels"]:
            assert target[2] == folder or KERNEL_RANKS[target[2]] < KERNEL_RANKS[folder], where(
                name, item
            )


@pytest.mark.parametrize("name", [name for name in FILES if unit_of(name) in ("schema", "errors")])
def test_the_schema_needs_the_standard_library_only(name):
    for item in imports_of(name):
        top = item.module.split(".")[0]
        allowed = top in sys.stdlib_module_names or top == "mmscodec"
        if Path(name).stem == "dtypes":
            allowed = allowed or top == "numpy"
        assert allowed, where(name, item)


@pytest.mark.parametrize("name", FILES)
def test_importing_needs_numpy_alone(name):
    for item in imports_of(name):
        top = item.module.split(".")[0]
        if item.top and not item.c and not name.endswith(".pyi"):
            known = top in sys.stdlib_module_names or top in ("numpy", "mmscodec")
            assert known, where(name, item)


@pytest.mark.parametrize("name", FILES)
def test_numpy_is_never_cimported(name):
    for item in imports_of(name):
        assert not (item.c and item.module.split(".")[0] == "numpy"), where(name, item)


@pytest.mark.parametrize("name", [name for name in FILES if unit_of(name) == "cli"])
def test_the_command_line_uses_public_names_only(name):
    for item in imports_of(name):
        for target in targets(item):
            if target == "cli":
                continue
            path = [*item.module.split("."), *item.names]
            private = [part for part in path if part.startswith("_") and part != "__version__"]
            assert not private, where(name, item)


def module_of(name: str) -> str:
    """mmscodec.mms for mmscodec/mms/__init__.py and __init__.pxd; a .pyx and its .pxd are one."""
    return ".".join(Path(name).with_suffix("").parts).removesuffix(".__init__")


def reached(found: dict[str, list[Import]]) -> dict[str, set[str]]:
    """Which modules each module imports or cimports, wherever in its files it does."""
    modules = {module_of(name) for name in found}
    graph: dict[str, set[str]] = {module: set() for module in modules}
    for name, items in found.items():
        for item in items:
            inner = {f"{item.module}.{one}" for one in item.names} & modules
            graph[module_of(name)] |= inner or {item.module} & modules
    return {module: others - {module} for module, others in graph.items()}


def in_circles(graph: dict[str, set[str]]) -> set[str]:
    """Modules of circles, and of paths from one to another: what is left when those that reach no
    other are taken away, and those that none reaches, as long as there are any."""
    left = dict(graph)
    while True:
        wanted = set().union(*left.values())
        kept = {m: others & left.keys() for m, others in left.items() if m in wanted}
        kept = {module: others for module, others in kept.items() if others}
        if kept == left:
            return set(kept)
        left = kept


def test_no_files_import_each_other_in_a_circle():
    assert in_circles(reached({name: imports_of(name) for name in FILES})) == set()


def test_a_circle_of_files_is_seen():
    cython, package = cython_imports, "mmscodec.mms"
    found = {
        "mmscodec/mms/a.py": python_imports("def f():\n    from mmscodec.mms import b\n", package),
        "mmscodec/mms/b.pyx": cython("cimport mmscodec.mms.c\n", package),
        "mmscodec/mms/c.pxd": cython("from .d cimport x\n", package),
        "mmscodec/mms/c.pyx": cython("cimport cython\n", package),
        "mmscodec/mms/d.py": python_imports("from mmscodec.mms import a, e\n", package),
        "mmscodec/mms/e.py": python_imports("import os\n", package),
        "mmscodec/mms/f.py": python_imports("from . import a\n", package),
        "mmscodec/mms/__init__.py": python_imports("from mmscodec.mms.f import x\n", package),
    }
    assert in_circles(reached(found)) == {f"mmscodec.mms.{letter}" for letter in "abcd"}
    found["mmscodec/mms/c.pxd"] = []
    assert in_circles(reached(found)) == set()


#: Bindings with loops that run without the GIL: those that turn what a class holds (the merge, the
#: engine, the second thread), and those of Arrow's callbacks.
LOOPS = {
    "mmscodec/capture/_engine.pyx", "mmscodec/capture/_merge.pyx",
    "mmscodec/capture/_readahead.pyx", "mmscodec/tables/_arrow.pyx",
}  # fmt: skip


def loops_without_gil(text: str) -> bool:
    """Is there a loop in a C function that says `nogil`?"""
    inside, begun = -1, -1  # indents of the function in hand and of the signature that is read
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip())
        if not line.strip():
            continue
        if begun < 0 and indent <= inside:
            inside = -1
        if re.match(r"\s*cdef .*\(", line) and not line.rstrip().endswith(")"):
            begun = indent
        if begun >= 0 and line.rstrip().endswith(":"):
            inside, begun = (begun if "nogil" in line else -1), -1
        elif inside >= 0 and re.match(r"\s*(for|while) ", line):
            return True
    return False


def test_loops_without_the_gil_stand_in_kernels():
    found = {
        name
        for name in FILES
        if name.endswith(".pyx") and unit_of(name) != "_kernels"
        if loops_without_gil((SOURCE / name).read_text(encoding="utf-8"))
    }
    assert found == LOOPS


def test_a_loop_without_the_gil_is_seen():
    loop = "    x = 1\n    for i in a:\n        pass\n"
    assert loops_without_gil("cdef int f(\n    int a\n) noexcept nogil:\n" + loop)
    assert loops_without_gil("cdef class A:\n  cdef int f(self) nogil:\n" + loop)
    assert not loops_without_gil("cdef int f(int a) nogil:\n    return 1\n\ndef g():\n" + loop)
    assert not loops_without_gil("cdef int f(int a) except -1:\n" + loop)


def test_the_readers_see_every_form_of_import():
    python = "import a.b\nfrom . import c\nfrom ..x import y\ndef f():\n    import z\n"
    seen = [(item.module, item.top) for item in python_imports(python, "mmscodec.mms")]
    assert seen == [("a.b", True), ("mmscodec.mms", True), ("mmscodec.x", True), ("z", False)]
    cython = "cimport cython, numpy\nfrom libc.stdint cimport uint8_t  # why\n  import os\n"
    found = cython_imports(cython, "mmscodec")
    assert {(item.module, item.c) for item in found} == {
        ("cython", True), ("numpy", True), ("libc.stdint", True), ("os", False),
    }  # fmt: skip
    (item,) = cython_imports("from a.b cimport (\n    c, d,\n)\n", "mmscodec")
    assert item.names == ("c", "d")


def test_the_package_works_with_numpy_alone():
    code = """
import sys
class Closed:
    def find_spec(self, name, path=None, target=None):
        top = name.split(".")[0]
        if top not in sys.stdlib_module_names and top not in ("numpy", "mmscodec"):
            raise ImportError("closed: " + name)
sys.meta_path.insert(0, Closed())
import mmscodec, mmscodec.cli
"""
    subprocess.run([sys.executable, "-c", code], check=True)
