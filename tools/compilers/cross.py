"""Every extension for systems that are not here: compiled and linked with zig, not run.

The headers of CPython are those of the interpreter that runs this, and only pyconfig.h differs
between systems: Windows and macOS get `pyconfig_*.h` from this folder, which state what the C API
needs of theirs. On Windows a module links against the interpreter's library; an import library is
made from the names that the headers declare.
"""

import functools
import re
import shutil
import sys
import sysconfig
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tools.compilers.places import CACHE, copy_checkout, output, run, zig

TARGETS = ("x86_64-linux-musl", "aarch64-linux-gnu", "aarch64-macos", "x86_64-windows-gnu")
FLAGS = ["-O0", "-fno-strict-aliasing", "-fPIC", "-g0", "-DNDEBUG", "-c"]
INCLUDE = "src/mmscodec/_kernels/include"


@functools.cache
def generated() -> Path:
    """A copy of the checkout with the C code of every extension."""
    tree = CACHE / "cross" / "mmscodec"
    copy_checkout(tree)
    log = CACHE / "logs" / "cythonize.log"
    log.unlink(missing_ok=True)
    venv = CACHE / "cython"
    python = str(venv / "bin" / "python")
    if not list(venv.glob("bin/cython")):
        run([sys.executable, "-m", "venv", "--clear", str(venv)], log)
        run([python, "-m", "pip", "install", "-q", "cython>=3.2,<4", "setuptools>=77"], log)
    # setup.py translates every source before it looks at its command
    run([python, "setup.py", "-q", "--version"], log, cwd=tree)
    return tree


def headers(target: str, tree: Path) -> Path:
    """CPython's headers with the pyconfig.h of a system."""
    folder = tree.parent / f"include-{target}"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(sysconfig.get_path("include"), folder)
    for name in ("windows", "macos"):
        if name in target:
            shutil.copyfile(Path(__file__).with_name(f"pyconfig_{name}.h"), folder / "pyconfig.h")
    return folder


def import_library(include: Path) -> Path:
    """A library that says that the interpreter has whatever its headers declare."""
    names: dict[str, str] = {}
    declared = r"PyAPI_(FUNC|DATA)\([^)]*\)\s*\*?\s*(\w+)"
    for header in include.rglob("*.h"):
        for kind, name in re.findall(declared, header.read_text(errors="replace")):
            names[name] = name if kind == "FUNC" else f"{name} DATA"
    listing = include / "python.def"
    listing.write_text("LIBRARY python3.dll\nEXPORTS\n" + "\n".join(sorted(names.values())) + "\n")
    library = include / "libpython.a"
    log = CACHE / "logs" / "dlltool.log"
    run([*zig()[:-1], "dlltool", "-m", "i386:x86-64", "-d", str(listing), "-l", str(library)], log)
    return library


def compile_all(target: str, tree: Path, out: Path, flags: list[str], last: tuple = ()) -> int:
    """Compile and link every extension of `tree` into `out`; how many."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    log = CACHE / "logs" / f"cross-{target}.log"
    log.unlink(missing_ok=True)
    files = sorted(file.with_suffix(".c") for file in (tree / "src").rglob("*.pyx"))
    start = [*zig(), "-target", target]

    def one(source: Path) -> None:
        name = source.relative_to(tree / "src").with_suffix("").as_posix().replace("/", ".")
        made = str(out / f"{name}.o")
        run([*start, *FLAGS, f"-I{tree / INCLUDE}", *flags, str(source), "-o", made], log)
        run([*start, "-shared", made, *last, "-o", str(out / f"{name}.so")], log)

    one(files[0])  # alone: zig makes the libraries of a system once
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, files[1:]))
    return len(files)


def build(target: str) -> str:
    """Compile and link every extension for a system; a line of figures."""
    tree = generated()
    started = time.monotonic()
    include = headers(target, tree)
    last = ()
    if "macos" in target:
        last = ("-Wl,-undefined,dynamic_lookup",)
    elif "windows" in target:
        last = (str(import_library(include)),)
    count = compile_all(target, tree, tree.parent / target, [f"-I{include}"], last)
    spent = time.monotonic() - started
    return f"{target}: {zig_version()}: {count} extensions compiled and linked in {spent:.0f} s"


def zig_version() -> str:
    """Which zig this is."""
    return "zig " + output([*zig()[:-1], "version"]).strip()
