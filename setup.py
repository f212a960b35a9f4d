"""Extensions and compile switches. Everything else stands in pyproject.toml."""

import os
import re
import sys
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

ROOT = Path(__file__).parent
INCLUDE = "src/mmscodec/_kernels/include"

DEBUGGED = any(os.environ.get(f"MMSCODEC_{word}") for word in ("COVERAGE", "DEBUG", "SANITIZE"))
compile_args = ["/O2"] if sys.platform == "win32" else ["-O3", "-fno-strict-aliasing", "-g0"]
link_args = []
if sys.platform == "linux":
    # a wheel carries no symbols, no padding to pages, and no start files, which run constructors
    # of C++ that modules in C have not: 5 % of a wheel
    link_args = ["-Wl,-s", "-Wl,--build-id=none", "-Wl,-z,noseparate-code", "-nostartfiles"]
    # and nothing is unwound through C: 6 %
    compile_args += ["-fno-asynchronous-unwind-tables", "-fno-unwind-tables"]
    # calls through the table of addresses alone, and strings that the wheel compresses once: 7 %
    compile_args += ["-fno-plt", "-DCYTHON_COMPRESS_STRINGS=0"]
if os.environ.get("MMSCODEC_PROFILE"):  # the same code, with names and lines for a profiler
    compile_args, link_args = [*compile_args, "-g1", "-funwind-tables"], []
if os.environ.get("MMSCODEC_DEBUG"):
    compile_args, link_args = ["-O0", "-g3", "-UNDEBUG"], []
if sanitizers := os.environ.get("MMSCODEC_SANITIZE"):
    # -fno-wrapv last: the interpreter's own flags hold -fwrapv, which hides signed overflow; -O0
    # for threads: what is hoisted out of a loop races no more
    compile_args = [
        "-O0" if sanitizers == "thread" else "-O1", "-g", "-UNDEBUG", f"-fsanitize={sanitizers}",
        "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer", "-fno-wrapv",
    ]  # fmt: skip
    link_args = [f"-fsanitize={sanitizers}"]

if os.environ.get("MMSCODEC_COVERAGE"):  # counters that threads share; see tools/coverage
    compile_args = ["-O0", "-g", "--coverage", "-fprofile-update=atomic", "-fprofile-abs-path"]
    link_args = ["--coverage"]


#: Without it a class called without arguments adds 0 to a null pointer, which C does not define.
MACROS = [("CYTHON_VECTORCALL_TPNEW", "0")]
#: Bindings whose loops stand in kernels or are bound by memory: compiled for size, as a wheel has a
#: limit (docs/decisions/0050, 0060).
SMALL = {
    "_block", "asf._write", "capture._copy", "capture._engine", "capture._extents",
    "capture._handoff", "capture._map", "capture._merge", "capture._readahead",
    "capture._record_reader", "capture._select", "capture._writer", "mms._encode", "mms._gather",
    "mms._many", "sessions._bulk", "tables._arrow", "winmx._cipher", "winmx._frames", "winmx._many",
}  # fmt: skip
#: Those with a path for small pieces: a tenth smaller with -O2, and as fast; with -Os feed takes a
#: fifth more.
MEDIUM = {"_chunks", "mms._codec", "winmx._codec"}


def extension(source: Path) -> Extension:
    """The extension module whose only source is `source`."""
    name = ".".join(source.relative_to("src").with_suffix("").parts)
    short = name.removeprefix("mmscodec.")
    size = ["-Os"] if short in SMALL else ["-O2"] if short in MEDIUM else []
    return Extension(
        name,
        [str(source)],
        include_dirs=[INCLUDE],
        define_macros=MACROS,
        extra_compile_args=compile_args + ([] if DEBUGGED or sys.platform == "win32" else size),
        extra_link_args=link_args,
    )


def description() -> str:
    """README.md for a package index, where a link to a file of the repository leads nowhere.

    Such a link becomes the name of the file, which the source distribution holds.
    """
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.sub(r"\[([^\]]+)\]\((?!https?:|#)([^)]+)\)", r"`\2`", text)


os.chdir(ROOT)
WORKERS = os.cpu_count() or 1 if sys.platform == "linux" else 1
sources = sorted(Path("src").rglob("*.pyx"))
if not sources:  # a wheel without them would install and fail at the first import
    sys.exit("mmscodec: no Cython source below src/; the source distribution is not whole")
setup(
    long_description=description(),
    long_description_content_type="text/markdown",
    ext_modules=cythonize(
        [extension(source) for source in sources],
        include_path=["src"],
        nthreads=WORKERS,
        compiler_directives={
            "language_level": 3,
            "boundscheck": False,
            "wraparound": False,
            "initializedcheck": False,
            "cdivision": True,
            "binding": False,  # built-in functions, without a signature: 7 % of a wheel
            "embedsignature": False,
            "auto_pickle": False,  # it would read what pointers point to as text
            # None for an object of a compiled class is a TypeError, not a null pointer
            "allow_none_for_extension_args": False,
            "freethreading_compatible": False,
        },
    ),
    options={"build_ext": {"parallel": WORKERS}},
)
